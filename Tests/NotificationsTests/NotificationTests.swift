import DevKit
import Domain
import Events
import Kafka
import Notifications
import Outbox
import Postgres
import Testing
import WorkerRuntime

@Suite("Notifying") struct NotificationTests {
    private static let now = Timestamp(secondsSinceEpoch: 1_770_000_000)
    private static let stage = NotificationStage()

    @Test(
        "The end of a payout is told to whom it concerns, however often it is said",
        arguments: [
            (PayoutSettled.Outcome.paid, ["affiliate payout_paid"]),
            (.final, []),
            (.failed, ["admin payout_failed", "affiliate payout_failed"]),
            (.returned, ["admin payout_returned", "affiliate payout_returned"]),
        ])
    func settled(outcome: PayoutSettled.Outcome, told: [String]) async throws {
        try await TestDatabase.with { database in
            let message = PayoutSettled(
                payoutID: Identifier(hashing: "payout"), affiliateID: "a",
                amount: Money(minorUnits: 123_456, currency: try #require(Currency(code: "EUR"))), outcome: outcome,
                failureCode: outcome == .failed || outcome == .returned ? "account_closed" : nil)
            let record = NotificationTests.record(message)
            try await NotificationTests.apply([record, record], on: database)
            try await NotificationTests.apply([record], on: database)
            #expect(
                try await NotificationTests.texts(
                    "SELECT concat_ws(' ', audience, kind) FROM notification ORDER BY 1", on: database) == told)
            let titles = try await NotificationTests.texts("SELECT title FROM notification", on: database)
            #expect(titles.allSatisfy { $0.contains("EUR 1234.56") })
        }
    }

    @Test(
        "A suspicious affiliate is told to the admins once per verdict and day",
        arguments: [
            (FraudVerdict.clear, []), (.review, ["Affiliate a needs a review"]), (.hold, ["Affiliate a is on hold"]),
        ])
    func flags(verdict: FraudVerdict, told: [String]) async throws {
        try await TestDatabase.with { database in
            let records = (1...3).map { number in
                NotificationTests.record(
                    FraudFlags(
                        affiliateID: "a", verdict: verdict, risk: BasisPoints(100),
                        reasons: [.init(code: .topOrderAddress, value: 10 + number, baseline: 10)], conversions: []))
            }
            try await NotificationTests.apply(records, on: database)
            try await NotificationTests.apply(records, on: database)
            #expect(try await NotificationTests.texts("SELECT title FROM notification", on: database) == told)
        }
    }

    private static func record(_ message: some FleetMessage) -> Record {
        let value = message.encoded(id: Identifier(hashing: "message"), at: now)
        return Record(
            source: TopicPartition(topic: type(of: message).topic, partition: 0), offset: 0, timestampMilliseconds: 0,
            key: nil, value: value[...])
    }

    private static func apply(_ records: [Record], on database: TestDatabase) async throws {
        let batch = records.compactMap { record -> Sourced<NotificationStage.Input>? in
            guard case .input(let input) = stage.decode(record) else { return nil }
            return Sourced(record: record, input: input)
        }
        #expect(batch.count == records.count)
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            _ = try stage.apply(batch, in: transaction, at: now)
        }
    }

    private static func texts(_ statement: Statement, on database: TestDatabase) async throws -> [String] {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(statement) { row in try row.text(0) }
        }
    }
}
