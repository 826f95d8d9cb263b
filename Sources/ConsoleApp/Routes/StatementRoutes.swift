import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// What an affiliate is owed from month to month, and why it changed.
enum StatementRoutes {
    static let list = "/console/statements"
    private static let api = "/statements"

    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, api, .readPayments) { try await statements($0, services) },
            .api(.get, api + "/{month}", .readPayments) { try await statement($0, services) },
            .page(list, .readPayments) { try await statementsPage($0, services) },
            .page(list + "/{month}", .readPayments) { try await statementPage($0, services) },
        ]
    }

    // MARK: Lists

    private static func statements(_ call: Call, _ services: Services) async throws -> Answer {
        let (isCSV, limit) = try CSVListing<StatementRow>.wanted(call)
        let head = try await affiliate(call, services)
        let listing = try await load(of: head, call, limit: limit, services)
        return isCSV ? listCSV.answer(listing, call.query) : .json(listing)
    }

    private static func statementsPage(_ call: Call, _ services: Services) async throws -> Answer {
        let principal = try call.authenticated()
        // Who may see everybody's names one affiliate first.
        let isUnnamed = try principal.affiliateScope(requested: call.query["affiliate_id"]) == nil
        let head = isUnnamed ? nil : try await affiliate(call, services)
        var listing: Listing<StatementRow>?
        if let head { listing = try await load(of: head, call, limit: try call.query.limit(), services) }
        let page = StatementsPage(head, listing, reader: principal)
        return try await services.page("statements", "Statements", for: call) { _, _ in page }
    }

    private static func load(
        of affiliate: AffiliateHead, _ call: Call, limit: Int, _ services: Services
    ) async throws -> Listing<StatementRow> {
        let cursor = try call.query.cursor(count: 2)
        let place = try cursor.map { cursor throws(Problem) in
            StatementStore.Place(month: try CivilDate(month: cursor.fields[0]), currency: cursor.fields[1])
        }
        let now = services.now()
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try StatementStore.list(
                of: affiliate.id, upTo: now, after: place, limit: limit + 1, in: transaction)
        }
        return Listing(rows.map(StatementRow.init), limit: limit, cursor: \.cursor)
    }

    private static let listCSV = CSVListing<StatementRow>(
        path: api, filters: ["affiliate_id"],
        columns: [
            "month", "affiliate_id", "currency", "opening", "accrued", "reversed", "paid", "other", "closing",
            "closed_at",
        ]
    ) { row in
        [row.month, row.affiliateId, row.currency]
            + [row.openingMinor, row.accruedMinor, row.reversedMinor, row.paidMinor, row.otherMinor, row.closingMinor]
            .map { OutcomeRoutes.decimal($0, row.currency) } + [row.closedAt ?? ""]
    }

    // MARK: One month

    private static func statement(_ call: Call, _ services: Services) async throws -> Answer {
        let (isCSV, _) = try CSVListing<StatementFileRow>.wanted(call)
        let document = try await document(call, services)
        guard isCSV else { return .json(document) }
        let file = CSVListing<StatementFileRow>(
            path: api + "/" + document.month, filters: [], columns: StatementFileRow.columns, cells: \.cells)
        return file.answer(Listing(data: document.fileRows, next: nil), call.query)
    }

    private static func statementPage(_ call: Call, _ services: Services) async throws -> Answer {
        let document = try await document(call, services)
        let page = StatementPage(document, reader: try call.authenticated(), at: services.now())
        return try await services.page("statement", "Statement of \(document.month)", for: call) { _, _ in page }
    }

    private static func document(_ call: Call, _ services: Services) async throws -> StatementDocument {
        let month = try CivilDate(month: call.parameter("month"))
        let head = try await affiliate(call, services)
        let (currency, now) = (call.query["currency"], services.now())
        // Of one moment: the lines of a month that is not closed add up to its closing balance.
        let (statements, lines) = try await services.pool.transaction(isolation: .repeatableRead) {
            transaction throws(PostgresError) in
            (
                try StatementStore.list(
                    of: head.id, month: month, upTo: now, limit: Form.limitMaximum, in: transaction),
                try StatementStore.lines(of: head.id, month: month, in: transaction)
            )
        }
        let wanted = statements.filter { currency == nil || $0.sums.currency.code == currency }
        guard !wanted.isEmpty else {
            throw Problem.notFound("statement", [month.monthText, currency].compactMap(\.self).joined(separator: " "))
        }
        return StatementDocument(head, month, wanted, lines)
    }

    /// The affiliate whose statements are asked for: the reader itself, or the one that the query names.
    private static func affiliate(_ call: Call, _ services: Services) async throws -> AffiliateHead {
        guard let id = try call.authenticated().affiliateScope(requested: call.query["affiliate_id"]) else {
            throw Problem(.badRequest, "affiliate_id_required", "Say whose: ?affiliate_id=.")
        }
        let found = try await services.pool.transaction { transaction throws(PostgresError) in
            try AffiliateHead.load(id, in: transaction)
        }
        guard let found else { throw Problem.notFound("affiliate", id) }
        return found
    }
}
