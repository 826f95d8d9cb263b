import DevKit
import Domain
import Kafka
import Logging
import Postgres
import Stages
import Testing
import WorkerRuntime

@Suite("Planning payouts") struct PayoutPlanningTests {
    private static let morning = "2026-03-04T10:00:00Z"
    private static let statuses: Statement =
        "SELECT concat_ws(' ', order_id, status) FROM commission JOIN conversion USING (conversion_id) ORDER BY 1"
    private static let balances: Statement =
        "SELECT concat_ws(' ', affiliate_id, pending, payable, reserved) FROM affiliate_balance ORDER BY 1"
    private static let payouts: Statement =
        "SELECT concat_ws(' ', affiliate_id, amount_minor, mode, state) FROM payout ORDER BY created_at, affiliate_id"

    @Test("What is clear becomes payable, what is suspicious waits, and its honest neighbours do not")
    func judged() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([
                FraudDetectionTests.click("c1"),
                FraudDetectionTests.forged("forged", click: "c1", at: "2026-03-04T10:00:03Z"),
                Pipeline.order("plain", at: PayoutPlanningTests.morning),
            ])
            #expect(try await pipeline.texts(PayoutPlanningTests.statuses) == ["forged held", "plain approved"])
            #expect(try await pipeline.texts(PayoutPlanningTests.balances) == ["a 1000 1000 0"])
        }
    }

    @Test("Flags that come again move no money again")
    func twice() async throws {
        try await Pipeline.with { pipeline in
            let orders = [Pipeline.order("o1", at: PayoutPlanningTests.morning)]
            let scored = try await pipeline.apply(
                ScoringStage(registersUnknown: false), to: orders.map { Array($0.utf8) })
            _ = try await pipeline.apply(FraudDetectionStage(), to: scored)
            let flags = try await pipeline.judge()
            for _ in 1...3 { _ = try await pipeline.apply(PayoutPlanningStage(), to: flags + flags) }
            #expect(try await pipeline.texts(PayoutPlanningTests.balances) == ["a 0 1000 0"])
        }
    }

    @Test("Nothing is approved before its hold is over or without a verdict, and then by time alone")
    func hold() async throws {
        try await Pipeline.with { pipeline in
            let scored = try await pipeline.apply(
                ScoringStage(registersUnknown: false),
                to: [Array(Pipeline.order("unjudged", affiliate: "b", at: PayoutPlanningTests.morning).utf8)])
            #expect(scored.count == 1)
            try await pipeline.take([Pipeline.order("o1", program: "p-hold", at: PayoutPlanningTests.morning)])
            #expect(try await pipeline.texts(PayoutPlanningTests.statuses) == ["o1 pending", "unjudged pending"])
            try await PayoutPlanningTests.plan(pipeline, .onDemand, at: "2026-03-11T09:59:59Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.statuses) == ["o1 pending", "unjudged pending"])
            try await PayoutPlanningTests.plan(pipeline, .onDemand, at: "2026-03-11T10:00:00Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.statuses) == ["o1 approved", "unjudged pending"])
            #expect(try await pipeline.texts(PayoutPlanningTests.balances) == ["a 0 1000 0", "b 1000 0 0"])
        }
    }

    @Test("The calendar pays once in each of its periods")
    func calendar() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([Pipeline.order("o1", at: PayoutPlanningTests.morning)])
            // Wednesday of the first week.
            try await PayoutPlanningTests.plan(pipeline, .weekly, at: "2026-03-04T12:00:00Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.payouts) == ["a 1000 automatic reserved"])
            try await pipeline.take([Pipeline.order("o2", ip: "192.0.2.2", at: PayoutPlanningTests.morning)])
            try await PayoutPlanningTests.plan(pipeline, .weekly, at: "2026-03-08T23:59:59Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.payouts).count == 1)
            // Monday of the next.
            try await PayoutPlanningTests.plan(pipeline, .weekly, at: "2026-03-09T00:00:00Z")
            #expect(
                try await pipeline.texts(PayoutPlanningTests.payouts)
                    == ["a 1000 automatic reserved", "a 1000 automatic reserved"])
            #expect(
                try await pipeline.texts("SELECT batch_key FROM payout ORDER BY 1") == [
                    "weekly:2026-03-02", "weekly:2026-03-09",
                ])
            #expect(
                try await pipeline.texts("SELECT worker_group FROM outbox WHERE out_topic = 'payouts.requested'")
                    == ["payout-planner", "payout-planner"])
        }
    }

    @Test(
        "Below the minimum nothing is paid, above the limit a person is asked",
        arguments: [
            (4_990, []), (5_000, ["a 500 automatic reserved"]), (200_000, ["a 20000 automatic reserved"]),
            (200_010, ["a 20001 manual awaiting_approval"]),
        ])
    func limits(amountMinor: Int, payouts: [String]) async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([
                Pipeline.order("o1", amountMinor: amountMinor, at: PayoutPlanningTests.morning)
            ])
            try await PayoutPlanningTests.plan(pipeline, .daily, at: "2026-03-05T00:00:00Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.payouts) == payouts)
        }
    }

    /// One look of the timer.
    private static func plan(_ pipeline: Pipeline, _ calendar: PayoutCalendar, at text: String) async throws {
        let moment = Pipeline.moment(text)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let producer = try KafkaProducer(
            ProducerConfiguration(settings: KafkaSettings(bootstrapServers: "127.0.0.1:1"), clientID: "test"),
            logger: logger)
        let publisher = LanePublisher(
            PayoutPlanningTimer.lane, owner: "test", pool: pipeline.database.pool, producer: producer, logger: logger)
        try await PayoutPlanningTimer(
            pool: pipeline.database.pool, publisher: publisher, calendar: calendar, every: .seconds(1),
            clock: { moment }, logger: logger
        ).runOnce()
        await producer.close()
    }
}
