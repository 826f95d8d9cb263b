import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// What became of conversions, and the commissions that they made.
enum OutcomeRoutes {

    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/conversions", .readConversions) { try await conversions($0, services) },
            .api(.get, "/commissions", .readPayments) { try await commissions($0, services) },
        ]
    }

    private static func conversions(_ call: Call, _ services: Services) async throws -> Answer {
        let filter = try outcomeFilter(call, at: services.now())
        return .json(
            try await services.pool.transaction { transaction throws(PostgresError) in
                try OutcomeQueries.list(filter, in: transaction)
            })
    }

    private static func commissions(_ call: Call, _ services: Services) async throws -> Answer {
        let (isCSV, limit) = try CSVListing<CommissionRow>.wanted(call)
        let filter = try commissionFilter(call, limit: limit, at: services.now())
        let listing = try await services.pool.transaction { transaction throws(PostgresError) in
            try CommissionQueries.list(filter, in: transaction)
        }
        return isCSV ? csv.answer(listing, call.query) : .json(listing)
    }

    private static let csv = CSVListing<CommissionRow>(
        path: "/commissions", filters: ["affiliate_id", "program_id", "state", "currency", "from", "to"],
        columns: [
            "commission_id", "recorded_at", "program_id", "affiliate_id", "tier", "order_id", "status", "currency",
            "amount", "reversed", "payable_from", "rule_id", "rule_version", "codes", "payout_id", "conversion_id",
        ]
    ) { row in
        [
            row.commissionId, row.recordedAt, row.programId, row.affiliateId, String(row.tier), row.orderId ?? "",
            row.status, row.currency, decimal(row.amountMinor, row.currency),
            decimal(row.reversedMinor, row.currency), row.payableFrom, row.ruleId ?? "",
            row.ruleVersion.map { String($0) } ?? "", row.codes.map { String($0.code) }.joined(separator: " "),
            row.payoutId ?? "", row.conversionId,
        ]
    }

    /// Minor units stay as they are for a currency that is not known.
    static func decimal(_ minorUnits: Int64, _ currency: String) -> String {
        Currency(code: currency).map { Money(minorUnits: minorUnits, currency: $0).decimal } ?? String(minorUnits)
    }
}

// The filters that an API route and its page share.
extension OutcomeRoutes {
    static func outcomeFilter(_ call: Call, at now: Timestamp) throws(Problem) -> OutcomeFilter {
        let query = call.query
        let kinds = TrackingEvent.Kind.allCases.map(\.name)
        let code = query["code"]
        if let code, Int32(code) == nil {
            throw .invalid("code", "code is the number of a reason code.", value: code)
        }
        let cursor = try query.cursor(count: 3)
        let after = cursor.flatMap(OutcomePlace.init)
        if cursor != nil, after == nil {
            throw .invalid("cursor", "cursor is the next_cursor of the page before.", value: query["cursor"])
        }
        return OutcomeFilter(
            range: try DayRange(query, at: now),
            outcome: try query.choice("outcome", of: IntakeOutcome.allCases.map(\.rawValue))
                .flatMap(IntakeOutcome.init(rawValue:)),
            kind: try query.choice("type", of: kinds).flatMap(TrackingEvent.Kind.init(name:)),
            programID: query["program_id"],
            affiliateID: try call.authenticated().affiliateScope(requested: query["affiliate_id"]),
            orderID: query["order_id"], eventID: query["event_id"], code: code.flatMap { Int32($0) },
            limit: try query.limit(), after: after)
    }

    static func commissionFilter(_ call: Call, limit: Int, at now: Timestamp) throws(Problem) -> CommissionFilter {
        let query = call.query
        let cursor = try query.cursor(count: 2)
        if let cursor, Int64(cursor.fields[0]) == nil || Identifier(text: cursor.fields[1]) == nil {
            throw .invalid("cursor", "cursor is the next_cursor of the page before.", value: query["cursor"])
        }
        return CommissionFilter(
            range: try DayRange(query, at: now),
            affiliateID: try call.authenticated().affiliateScope(requested: query["affiliate_id"]),
            programID: query["program_id"],
            status: try query.choice("state", of: CommissionStatus.allCases.map(\.rawValue)),
            currency: query["currency"], limit: limit, cursor: cursor)
    }
}
