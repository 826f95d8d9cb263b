import DevKit
import Domain
import Kafka
import Logging
import Outbox
import Postgres
import Stages
import Storage
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

    @Test(
        "What stops a payout is kept with its reason, and the balance is paid when it is gone",
        arguments: [
            (
                "UPDATE affiliate SET provider_account = NULL", "payout_method",
                "UPDATE affiliate SET provider_account = 'x'"
            ),
            (
                "UPDATE affiliate SET payout_method_usable_at = '2026-03-06T00:00:00Z'", "method_cooling",
                "UPDATE affiliate SET payout_method_usable_at = '2026-03-05T12:00:00Z'"
            ),
            (
                "UPDATE affiliate SET kyc_status = 'pending'", "kyc_status",
                "UPDATE affiliate SET kyc_status = 'verified'"
            ),
            ("UPDATE affiliate SET tax_status = 'missing'", "tax_status", "UPDATE affiliate SET tax_status = 'valid'"),
            (
                "UPDATE affiliate SET payout_block = 'no_account'", "destination_block",
                "UPDATE affiliate SET payout_block = NULL"
            ),
            ("UPDATE affiliate SET status = 'blocked'", "affiliate_active", "UPDATE affiliate SET status = 'active'"),
            (
                """
                INSERT INTO payout_freeze (scope, subject, reason, frozen_by, frozen_at)
                VALUES ('provider', 'stripe', 'test', 'test', now())
                """, "freeze", "UPDATE payout_freeze SET lifted_at = now(), lifted_by = 'test'"
            ),
        ] as [(Statement, String, Statement)])
    func withheld(stop: Statement, reason: String, release: Statement) async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([Pipeline.order("o1", at: PayoutPlanningTests.morning)])
            try await pipeline.run(stop)
            try await PayoutPlanningTests.plan(pipeline, .daily, at: "2026-03-05T00:00:00Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.payouts) == [])
            let missed: Statement = """
                SELECT l ->> 'name' FROM payout_withheld, jsonb_array_elements(decision -> 'limits') l
                WHERE NOT (l ->> 'passed')::boolean
                """
            #expect(try await pipeline.texts(missed) == [reason])
            try await pipeline.run(release)
            try await PayoutPlanningTests.plan(pipeline, .daily, at: "2026-03-06T00:00:00Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.payouts) == ["a 1000 automatic reserved"])
            #expect(try await pipeline.texts(missed) == [])
        }
    }

    @Test("While all payouts are frozen a run of the calendar waits, and is made up for")
    func frozenRun() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([Pipeline.order("o1", at: PayoutPlanningTests.morning)])
            try await pipeline.run(
                "INSERT INTO payout_freeze (scope, reason, frozen_by, frozen_at) VALUES ('all', 't', 't', now())")
            try await PayoutPlanningTests.plan(pipeline, .weekly, at: "2026-03-04T12:00:00Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.payouts) == [])
            try await pipeline.run("UPDATE payout_freeze SET lifted_at = now(), lifted_by = 't'")
            try await PayoutPlanningTests.plan(pipeline, .weekly, at: "2026-03-04T13:00:00Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.payouts) == ["a 1000 automatic reserved"])
        }
    }

    @Test("Net days after a month pay what was earned in it, and leave the rest")
    func netDays() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([
                Pipeline.order("old", at: PayoutPlanningTests.morning),
                Pipeline.order("new", ip: "192.0.2.2", at: PayoutPlanningTests.morning),
            ])
            try await pipeline.run(
                """
                UPDATE commission SET recorded_at = CASE (SELECT order_id FROM conversion c
                    WHERE c.conversion_id = commission.conversion_id)
                    WHEN 'old' THEN timestamptz '2026-02-20Z' ELSE '2026-03-04Z' END
                """)
            try await PayoutPlanningTests.plan(pipeline, .net15, at: "2026-03-15T12:00:00Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.payouts) == [])
            try await PayoutPlanningTests.plan(pipeline, .net15, at: "2026-03-16T12:00:00Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.payouts) == ["a 1000 automatic reserved"])
            #expect(try await pipeline.texts(PayoutPlanningTests.statuses) == ["new approved", "old locked"])
            try await PayoutPlanningTests.plan(pipeline, .net15, at: "2026-04-16T12:00:00Z")
            #expect(try await pipeline.texts(PayoutPlanningTests.statuses) == ["new locked", "old locked"])
        }
    }

    @Test("A batch pays an affiliate once, however often it is planned and whatever is earned meanwhile")
    func batchTwice() async throws {
        try await Pipeline.with { pipeline in
            for order in ["o1", "o2"] {
                try await pipeline.take([
                    Pipeline.order(order, ip: "192.0.2.\(order.last ?? "1")", at: PayoutPlanningTests.morning)
                ])
                for _ in 1...2 {
                    _ = try await pipeline.database.pool.transaction { t throws(PostgresError) in
                        try PayoutStore.plan(
                            batchKey: "one", at: Pipeline.moment("2026-03-05T00:00:00Z"), submittedBy: "test",
                            lane: Lane(emitter: "payout-planner"), in: t)
                    }
                }
            }
            #expect(try await pipeline.texts(PayoutPlanningTests.payouts) == ["a 1000 automatic reserved"])
            #expect(try await pipeline.texts(PayoutPlanningTests.balances) == ["a 0 1000 1000"])
        }
    }

    @Test("What is withheld does not stand before the others, however much of it there is")
    func manyWithheld() async throws {
        try await Pipeline.with { pipeline in
            let orders = ["a", "b"].map { Pipeline.order("o-\($0)", affiliate: $0, at: PayoutPlanningTests.morning) }
            try await pipeline.take(orders)
            try await pipeline.run("UPDATE affiliate SET kyc_status = 'failed' WHERE affiliate_id = 'a'")
            let planned = try await pipeline.database.pool.transaction { t throws(PostgresError) in
                try PayoutStore.plan(
                    batchKey: "one", at: Pipeline.moment("2026-03-05T00:00:00Z"), submittedBy: "test",
                    lane: Lane(emitter: "payout-planner"), maximum: 1, in: t)
            }
            #expect(planned.map(\.payout.affiliateID) == ["b"])
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
