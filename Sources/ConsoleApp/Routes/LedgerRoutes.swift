import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// Where money comes from, and the months of the books.
enum LedgerRoutes {
    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/commissions/{id}/explanation", .readPayments) { try await explanation($0, services) },
            .api(.get, "/ledger", .readLedger) { try await export($0, services) },
            .api(.get, "/ledger/transactions/{id}", .readLedger) { try await transaction($0, services) },
            .api(.get, "/ledger/periods", .readLedger) { try await periods($0, services) },
            .api(.get, "/ledger/periods/{month}", .readLedger) { try await statements($0, services) },
            .api(.post, "/ledger/periods/{month}/close", .closeBooks) { try await close($0, services) },
        ]
    }

    private static func explanation(_ call: Call, _ services: Services) async throws -> Answer {
        .json(try await explanation(of: call, services))
    }

    /// For the route and its page.
    static func explanation(of call: Call, _ services: Services) async throws -> CommissionExplanation {
        let id = call.parameter("id")
        let scope = try call.authenticated().affiliateScope(requested: nil)
        guard let commissionID = Identifier(text: id) else { throw Problem.notFound("commission", id) }
        let explanation = try await services.pool.transaction { transaction throws(PostgresError) in
            try CommissionExplanation.load(commissionID, in: transaction)
        }
        // Another affiliate's commission is none to this one.
        guard let explanation, scope == nil || scope == explanation.affiliateId else {
            throw Problem.notFound("commission", id)
        }
        return explanation
    }

    private static func transaction(_ call: Call, _ services: Services) async throws -> Answer {
        let id = call.parameter("id")
        guard let transactionID = Identifier(text: id) else { throw Problem.notFound("ledger transaction", id) }
        let explanations = try await services.pool.transaction { transaction throws(PostgresError) in
            try LedgerExplanation.load([transactionID], in: transaction)
        }
        guard let explanation = explanations.first else { throw Problem.notFound("ledger transaction", id) }
        return .json(explanation)
    }

    // MARK: Export

    /// One month as text: a year of a large programme is for the command line, which writes it to a file.
    private static func export(_ call: Call, _ services: Services) async throws -> Answer {
        let first = try CivilDate(month: call.query["month"] ?? "")
        let format = call.query["format"].map { LedgerExport.Format(rawValue: $0) } ?? .csv
        guard let format else {
            throw Problem.invalid("format", "format is csv or hledger.", value: call.query["format"])
        }
        let text = try await services.pool.transaction(isolation: .repeatableRead) {
            transaction throws(PostgresError) in
            var text = ""
            try LedgerExport.write(format, from: first, to: first.adding(months: 1), in: transaction) { text += $0 }
            return text
        }
        return Answer(
            status: .ok, contentType: format == .csv ? "text/csv; charset=utf-8" : "text/plain; charset=utf-8",
            body: Array(text.utf8))
    }

    // MARK: Periods

    private struct PeriodRow: Encodable, Sendable {
        let month: String
        let transactions: Int64
        let closedAt: String?
        let closedBy: String?
    }

    private struct Periods: Encodable {
        let data: [PeriodRow]
    }

    private struct StatementRow: Encodable, Sendable {
        let affiliateId: String
        let currency: String
        let openingMinor: Int64
        let accruedMinor: Int64
        let reversedMinor: Int64
        let paidMinor: Int64
        let otherMinor: Int64
        let closingMinor: Int64
    }

    private struct Statements: Encodable {
        let month: String
        let data: [StatementRow]
    }

    private static func periods(_ call: Call, _ services: Services) async throws -> Answer {
        let periods = try await services.pool.transaction { transaction throws(PostgresError) in
            try PeriodStore.periods(in: transaction)
        }
        return .json(
            Periods(
                data: periods.map { period in
                    PeriodRow(
                        month: period.month.monthText, transactions: period.transactions,
                        closedAt: period.closedAt?.rfc3339, closedBy: period.closedBy)
                }))
    }

    private static func statements(_ call: Call, _ services: Services) async throws -> Answer {
        let first = try CivilDate(month: call.parameter("month"))
        let statements = try await services.pool.transaction { transaction throws(PostgresError) in
            try PeriodStore.statements(of: first, in: transaction)
        }
        return .json(
            Statements(
                month: first.monthText,
                data: statements.map { statement in
                    StatementRow(
                        affiliateId: statement.affiliateID, currency: statement.currency.code,
                        openingMinor: statement.openingMinor, accruedMinor: statement.accruedMinor,
                        reversedMinor: statement.reversedMinor, paidMinor: statement.paidMinor,
                        otherMinor: statement.otherMinor, closingMinor: statement.closingMinor)
                }))
    }

    private struct Closed: Encodable {
        let month: String
        let closedBy: String
    }

    private static func close(_ call: Call, _ services: Services) async throws -> Answer {
        let write = try IdempotentWrite(call, route: "/ledger/periods/close", isRequired: false)
        let first = try CivilDate(month: call.parameter("month"))
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                if let refusal = try PeriodStore.close(first, by: write.actor, at: now, in: transaction) {
                    return .problem(
                        Problem(
                            .conflict, "period_" + refusal.code, refusal.sentence, value: first.monthText))
                }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "close period", subject: first.monthText, detail: "{}"),
                    in: transaction)
                return .json(Closed(month: first.monthText, closedBy: write.actor))
            }
        }
    }
}

extension PeriodRefusal {
    fileprivate var code: String {
        switch self {
        case .notOver: "not_over"
        case .alreadyClosed: "closed"
        case .earlierOpen: "earlier_open"
        }
    }
}
