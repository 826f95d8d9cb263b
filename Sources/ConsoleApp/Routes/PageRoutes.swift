import Domain
import Hummingbird
import Postgres
import Storage

/// The pages that people read.
enum PageRoutes {
    /// Cases that the page of an affiliate shows.
    private static let casesMaximum = 20

    static func all(_ services: Services) -> [Route] {
        [
            .page("/console", nil) { try await dashboard($0, services) },
            .page("/console/affiliates", .readAffiliates) { try await affiliates($0, services) },
            .page("/console/affiliates/{id}", .readAffiliates) { try await affiliate($0, services) },
            .page("/console/topics", .readFleet) { try await topics($0, services) },
            .page("/console/dead-letters", .readFleet) { try await deadLetters($0, services) },
            .page("/console/reason-codes", nil) { call in
                try await services.page("reason-codes", "Reason codes", for: call) { _, _ in ReasonCodesPage() }
            },
        ]
    }

    private static func dashboard(_ call: Call, _ services: Services) async throws -> Answer {
        // An affiliate has no dashboard of the whole fleet; its payouts are what it may see.
        guard try call.authenticated().permissions.contains(.readDashboard) else {
            return .redirect(to: "/console/payouts")
        }
        let window = try DashboardWindow(call.query)
        return try await services.page("dashboard", "Dashboard", for: call) {
            transaction, facts throws(PostgresError) in
            let newest = try DashboardQueries.newestDay(in: transaction)
            let metrics = try DashboardMetrics.load(
                from: window.firstDay(newest: newest), to: nil, watermarks: facts.watermarks, at: facts.now,
                in: transaction)
            return DashboardPage(metrics, ranges: window.ranges)
        }
    }

    private static func affiliates(_ call: Call, _ services: Services) async throws -> Answer {
        let filter = try ReadRoutes.affiliateFilter(call.query)
        let query = call.query
        return try await services.page("affiliates", "Affiliates", for: call) {
            transaction, facts throws(PostgresError) in
            let rows = try AffiliateQueries.performance(filter, in: transaction)
            let listing = Listing(rows, limit: filter.limit, cursor: \.cursor)
            return AffiliatesPage(
                affiliates: listing.data.map(AffiliateView.init),
                insights: try InsightQueries.newest(
                    programID: filter.programID, limit: AffiliatesPage.insightsCount, in: transaction),
                asOf: listing.data.first?.asOf,
                asked: query["as_of"] ?? "", program: filter.programID ?? "", from: query["from"] ?? "",
                to: query["to"] ?? "",
                next: listing.nextCursor.map { cursor in
                    "/console/affiliates"
                        + PercentEncoding.query([
                            "program_id": query["program_id"], "from": query["from"], "to": query["to"],
                            "as_of": query["as_of"], "cursor": cursor,
                        ])
                })
        }
    }

    private static func affiliate(_ call: Call, _ services: Services) async throws -> Answer {
        let (affiliateID, asOf) = (call.parameter("id"), try call.query.day("as_of"))
        let readsFraud = try call.authenticated().permissions.contains(.readFraud)
        var wanted = try FraudFilter(Form(text: "sort=newest"), limit: casesMaximum)
        wanted.affiliateID = affiliateID
        let (filter, asked) = (wanted, call.query["as_of"] ?? "")
        let found = try await services.pool.transaction { transaction throws(PostgresError) in
            try AffiliateHead.load(affiliateID, in: transaction)
        }
        guard let head = found else { throw Problem.notFound("affiliate", affiliateID) }
        return try await services.page("affiliate", head.name, for: call) { transaction, _ throws(PostgresError) in
            AffiliatePage(
                head, try AffiliateHistory.load(of: affiliateID, asOf: asOf, in: transaction),
                readsFraud ? try FraudQueries.flags(filter, in: transaction) : [], asked: asked)
        }
    }

    private static func topics(_ call: Call, _ services: Services) async throws -> Answer {
        try await services.page("topics", "Topics", for: call) { _, facts in TopicsPage(facts.positions) }
    }

    private static func deadLetters(_ call: Call, _ services: Services) async throws -> Answer {
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 1))
        return try await services.page("dead-letters", "Dead letters", for: call) {
            transaction, facts throws(PostgresError) in
            let rows = try FleetQueries.deadLetters(
                status: nil, limit: limit, cursor: cursor, in: transaction)
            let listing = Listing(rows, limit: limit, cursor: \.cursor)
            return DeadLettersPage(
                rows: listing.data.map(DeadLettersPage.Row.init),
                next: listing.nextCursor.map { "/console/dead-letters" + PercentEncoding.query(["cursor": $0]) })
        }
    }
}

/// The days that the dashboard looks at, counted back from the newest event.
struct DashboardWindow: Sendable {
    private static let choices: [(word: String, label: String, days: Int32?)] = [
        ("7d", "7 days", 7), ("30d", "30 days", 30), ("90d", "90 days", 90), ("all", "All", nil),
    ]

    private let word: String
    private let days: Int32?

    init(_ query: Form) throws(Problem) {
        let word = try query.choice("period", of: DashboardWindow.choices.map(\.word)) ?? "all"
        self.word = word
        days = DashboardWindow.choices.first { $0.word == word }?.days
    }

    func firstDay(newest: Int32?) -> Int32? {
        guard let days, let newest else { return nil }
        return newest - days + 1
    }

    var ranges: [DashboardPage.Range] {
        DashboardWindow.choices.map { choice in
            DashboardPage.Range(
                label: choice.label, address: "/console?period=" + choice.word, isCurrent: choice.word == word)
        }
    }
}
