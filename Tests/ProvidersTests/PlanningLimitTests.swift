import DevKit
import Domain
import Events
import Outbox
import Postgres
import Storage
import Testing
import WorkerRuntime

@Suite("What is paid without a person", .timeLimit(.minutes(2))) struct PlanningLimitTests {
    private static let planned: Statement =
        """
        SELECT concat_ws(' ', affiliate_id, amount_minor, mode, (
            SELECT string_agg(l ->> 'name' || ' ' || (l ->> 'value') || '/' || (l ->> 'threshold'), ', ')
            FROM jsonb_array_elements(decision -> 'limits') l WHERE NOT (l ->> 'passed')::boolean))
        FROM payout WHERE batch_key = 'now' ORDER BY affiliate_id
        """

    /// What an affiliate `a` and then `b` were paid before, the programme's limits, and what becomes of 2,500 each.
    static let cases: [(String, earlier: Int64, limits: String, planned: [String])] = [
        ("nothing stands against it", 1_000, "affiliate_age_days = 0", ["a 2500 automatic", "b 2500 automatic"]),
        (
            "the sum of 30 days", 97_501, "thirty_day_limit_minor = 100000",
            ["a 2500 manual thirty_day_limit_minor 100001/100000", "b 2500 automatic"]
        ),
        (
            "the affiliate's age", 1_000, "affiliate_age_days = 3",
            ["a 2500 manual affiliate_age_days 2/3", "b 2500 manual affiliate_age_days 2/3"]
        ),
        (
            "the day's sum, counted within one planning", 1_000, "daily_limit_minor = 4999",
            ["a 2500 automatic", "b 2500 manual daily_limit_minor 5000/4999"]
        ),
        (
            "the day's sum, with what went out before", 2_500, "daily_limit_minor = 5000",
            // The earlier payout is of yesterday.
            ["a 2500 automatic", "b 2500 automatic"]
        ),
    ]

    @Test("Sums, age and the day's total need a person, and the decision keeps what was measured", arguments: cases)
    func limits(name: String, earlier: Int64, limits: String, planned: [String]) async throws {
        try await TestDatabase.with { database in
            let now = systemNow()
            try await database.pool.transaction { (transaction) throws(PostgresError) in
                try EarnedMoney.earn(
                    "a", account: "acct_a", amountMinor: earlier, occasion: "earlier", in: transaction)
                _ = try EarnedMoney.plan(batch: "earlier", at: now.adding(days: -1), in: transaction)
                for affiliateID in ["a", "b"] {
                    try EarnedMoney.earn(
                        affiliateID, account: "acct_" + affiliateID, amountMinor: 2_500, occasion: "now",
                        in: transaction)
                }
                // Two days and a bit ago, whatever the time of the day is.
                try transaction.run(
                    "UPDATE affiliate SET joined_at = $1", .moment(now.adding(seconds: -2 * 86_400 - 60)))
                try PlanningLimitTests.set(limits, in: transaction)
                _ = try PayoutStore.plan(
                    batchKey: "now", at: now, submittedBy: "planner", lane: EarnedMoney.lane, in: transaction)
            }
            let found = try await database.pool.transaction { (transaction) throws(PostgresError) in
                try transaction.query(PlanningLimitTests.planned) { row in try row.text(0) }
            }
            #expect(found == planned, "\(name)")
        }
    }

    private static func set(_ limit: String, in transaction: borrowing Transaction) throws(PostgresError) {
        let words = limit.split(separator: " ")
        let value = PostgresValue.int8(Int64(words[2]) ?? 0)
        switch words[0] {
        case "thirty_day_limit_minor": try transaction.run("UPDATE program SET thirty_day_limit_minor = $1", value)
        case "daily_limit_minor": try transaction.run("UPDATE program SET daily_limit_minor = $1", value)
        default: try transaction.run("UPDATE program SET affiliate_age_days = $1::int8", value)
        }
    }
}

extension PostgresValue {
    fileprivate static func moment(_ moment: Timestamp) -> PostgresValue {
        .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch)
    }
}
