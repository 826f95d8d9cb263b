import Domain
import Postgres

/// The API's questions.
enum ReadRoutes {
    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/dashboard-metrics", .readDashboard) { try await dashboard($0, services) },
            .api(.get, "/affiliates-performance", .readAffiliates) { try await affiliates($0, services) },
            .api(.get, "/insights", .readAffiliates) { try await insights($0, services) },
            .api(.get, "/payment-status", .readPayments) { try await paymentStatus($0, services) },
            .api(.get, "/payouts", .readPayments) { try await payouts($0, services) },
            .api(.get, "/topics", .readFleet) { try await topics($0, services) },
            .api(.get, "/dead-letters", .readFleet) { try await deadLetters($0, services) },
        ]
    }

    private static func dashboard(_ call: Call, _ services: Services) async throws -> Answer {
        let (from, to) = try range(call.query)
        let (watermarks, now) = (await services.watermarks(), services.now())
        return .json(
            try await services.pool.transaction { transaction throws(PostgresError) in
                try DashboardMetrics.load(from: from, to: to, watermarks: watermarks, at: now, in: transaction)
            })
    }

    private static func affiliates(_ call: Call, _ services: Services) async throws -> Answer {
        let filter = try affiliateFilter(call.query)
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try AffiliateQueries.performance(filter, in: transaction)
        }
        return .json(Listing(rows, limit: filter.limit, cursor: \.cursor))
    }

    private struct Insights: Encodable, Sendable {
        let data: [InsightLine]
    }

    private static func insights(_ call: Call, _ services: Services) async throws -> Answer {
        let (program, limit) = (call.query["program_id"], try call.query.limit())
        return .json(
            Insights(
                data: try await services.pool.transaction { transaction throws(PostgresError) in
                    try InsightQueries.newest(programID: program, limit: limit, in: transaction)
                }))
    }

    private static func paymentStatus(_ call: Call, _ services: Services) async throws -> Answer {
        let payoutID = try call.query.identifier("payout_id")
        let affiliateID = try call.authenticated().affiliateScope(requested: call.query["affiliate_id"])
        guard payoutID != nil || affiliateID != nil else {
            throw Problem(
                .badRequest, "payout_id_or_affiliate_id_required", "Say which: ?payout_id= or ?affiliate_id=.")
        }
        let filter = PayoutFilter(
            payoutID: payoutID, affiliateID: affiliateID, limit: try call.query.limit(),
            cursor: try call.query.cursor(count: 2))
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try PayoutQueries.status(filter, in: transaction)
        }
        if let payoutID, rows.isEmpty { throw Problem.notFound("payout", payoutID.description) }
        return .json(Listing(rows, limit: filter.limit, cursor: \.payout.cursor))
    }

    private static func payouts(_ call: Call, _ services: Services) async throws -> Answer {
        let (isCSV, limit) = try CSVListing<PayoutRow>.wanted(call)
        let filter = try payoutFilter(call, limit: limit)
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try PayoutQueries.list(filter, in: transaction)
        }
        let listing = Listing(rows, limit: limit, cursor: \.cursor)
        return isCSV ? payoutsCSV.answer(listing, call.query) : .json(listing)
    }

    /// What a list of payouts is narrowed by.
    static let payoutFields = ["state", "affiliate_id", "from", "to"]

    private static let payoutsCSV = CSVListing<PayoutRow>(
        path: "/payouts", filters: payoutFields,
        columns: [
            "payout_id", "created_at", "affiliate_id", "affiliate_name", "state", "currency", "amount", "provider",
            "mode", "failure_code", "submitted_by", "approved_by", "second_approved_by", "updated_at", "arrival_at",
        ]
    ) { row in
        [
            row.payoutId, row.createdAt, row.affiliateId, row.affiliateName, row.state, row.currency,
            OutcomeRoutes.decimal(row.amountMinor, row.currency), row.provider, row.mode, row.failureCode ?? "",
            row.submittedBy, row.approvedBy ?? "", row.secondApprovedBy ?? "", row.updatedAt, row.arrivalAt ?? "",
        ]
    }

    private struct TopicsDocument: Encodable {
        let data: [PartitionPosition]
        let freshness: Freshness
    }

    private static func topics(_ call: Call, _ services: Services) async throws -> Answer {
        let watermarks = await services.watermarks()
        let positions = try await services.pool.transaction { transaction throws(PostgresError) in
            try FleetQueries.positions(watermarks: watermarks, in: transaction)
        }
        return .json(TopicsDocument(data: positions, freshness: Freshness(positions, at: services.now())))
    }

    private static func deadLetters(_ call: Call, _ services: Services) async throws -> Answer {
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 1))
        let status = try call.query.choice("status", of: ["open", "replayed", "discarded"])
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try FleetQueries.deadLetters(status: status, limit: limit, cursor: cursor, in: transaction)
        }
        return .json(Listing(rows, limit: limit, cursor: \.cursor))
    }
}

// The filters that an API route and its page share.
extension ReadRoutes {
    /// The query fields `from` and `to`.
    static func range(_ query: Form) throws(Problem) -> (from: Int32?, to: Int32?) {
        let (from, to) = (try query.day("from"), try query.day("to"))
        if let from, let to, from > to {
            throw .invalid("range", "from is not later than to.", value: "\(query["from"] ?? "")")
        }
        return (from, to)
    }

    static func affiliateFilter(_ query: Form) throws(Problem) -> AffiliateFilter {
        let (from, to) = try range(query)
        return AffiliateFilter(
            programID: query["program_id"], from: from, to: to, asOf: try query.day("as_of"), limit: try query.limit(),
            cursor: try query.cursor(count: 3))
    }

    static func payoutFilter(_ call: Call, limit: Int) throws(Problem) -> PayoutFilter {
        let (from, to) = try range(call.query)
        return PayoutFilter(
            affiliateID: try call.authenticated().affiliateScope(requested: call.query["affiliate_id"]),
            state: try call.query.choice("state", of: PayoutState.allCases.map(\.rawValue)), from: from, to: to,
            limit: limit, cursor: try call.query.cursor(count: 2))
    }
}

extension Form {
    /// A query field that holds one of a few words.
    func choice(_ name: String, of words: [String]) throws(Problem) -> String? {
        guard let text = self[name] else { return nil }
        guard words.contains(text) else {
            throw .invalid(name, "\(name) is one of \(words.joined(separator: ", ")).", value: text)
        }
        return text
    }
}
