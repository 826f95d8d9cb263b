import DevKit
import Domain
import Events
import Postgres
import Stages
import Storage
import Testing

@Suite("Deciding about fraud", .timeLimit(.minutes(5))) struct FraudDecisionTests {
    private static let statuses: Statement =
        "SELECT concat_ws(' ', order_id, status) FROM commission JOIN conversion USING (conversion_id) ORDER BY 1"
    private static let balances: Statement =
        "SELECT concat_ws(' ', affiliate_id, pending, payable) FROM affiliate_balance ORDER BY 1"

    private func decide(
        _ pipeline: Pipeline, isConfirmed: Bool, at now: Timestamp = Pipeline.now
    ) async throws -> [FraudDecisionStore.Outcome] {
        let ids = try await pipeline.texts(
            "SELECT fraud_case_id::text FROM fraud_case WHERE status IN ('open', 'confirmed') ORDER BY fraud_case_id"
        ).compactMap { Int64($0) }
        return try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
            var outcomes: [FraudDecisionStore.Outcome] = []
            for id in ids {
                outcomes.append(
                    try FraudDecisionStore.decide(
                        id, isConfirmed: isConfirmed, because: "looked at it", by: "ann", at: now, in: transaction))
            }
            return outcomes
        }
    }

    /// What the planner's timer does about commissions that wait.
    private func approveDue(
        _ pipeline: Pipeline, at now: Timestamp = Pipeline.now.adding(seconds: FraudDecisionStore.undoSeconds)
    ) async throws {
        try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
            let due = try CommissionStore.due(at: now, maximum: 100, in: transaction)
            _ = try CommissionStore.decide(due, at: now, in: transaction)
        }
    }

    private func takeForged(_ pipeline: Pipeline) async throws {
        try await pipeline.take([
            FraudDetectionTests.click("c1"),
            FraudDetectionTests.forged("forged", click: "c1", at: "2026-03-04T10:00:03Z"),
            Pipeline.order("plain", at: "2026-03-04T11:00:00Z"),
        ])
        #expect(try await pipeline.texts(Self.statuses) == ["forged held", "plain approved"])
        #expect(try await pipeline.texts(Self.balances) == ["a 1000 1000"])
    }

    @Test("What a dismissed case held becomes payable, and the same verdict does not hold it again")
    func dismissed() async throws {
        try await Pipeline.with { pipeline in
            try await takeForged(pipeline)
            #expect(try await decide(pipeline, isConfirmed: false) == [.done])
            #expect(try await pipeline.texts(Self.statuses) == ["forged pending", "plain approved"])
            try await approveDue(pipeline)
            #expect(try await pipeline.texts(Self.balances) == ["a 0 2000"])
            #expect(
                try await pipeline.texts(
                    """
                    SELECT concat_ws(' ', from_status, to_status, actor) FROM commission_event e
                    JOIN conversion c ON c.conversion_id = e.commission_id WHERE c.order_id = 'forged'
                    ORDER BY commission_event_id
                    """) == ["pending held planner", "held pending ann", "pending approved planner"])
            // Judged once more, from the beginning.
            try await pipeline.take([Pipeline.order("later", ip: "192.0.2.9", at: "2026-03-04T11:30:00Z")])
            #expect(
                try await pipeline.texts("SELECT concat_ws(' ', status, decided_by, reason) FROM fraud_case")
                    == ["dismissed ann looked at it"])
            #expect(
                try await pipeline.texts(Self.statuses) == ["forged approved", "later approved", "plain approved"])
            #expect(
                try await pipeline.texts(
                    "SELECT concat_ws(' ', affiliate_id, is_confirmed, features IS NOT NULL) FROM fraud_decision")
                    == ["a f t"])
        }
    }

    @Test("A decision keeps what was seen on the case's strongest day, however long it waited")
    func strongest() async throws {
        try await Pipeline.with { pipeline in
            try await takeForged(pipeline)
            var values = [Float](repeating: 0, count: FraudFeatures.count)
            var days: [FraudFeatures] = []
            for value: Float in [1, 5, 2, 6] {
                values[0] = value
                days.append(FraudFeatures(values: values))
            }
            let judged = days
            _ = try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
                try transaction.run("UPDATE fraud_case SET first_day = '2026-03-01', last_day = '2026-03-03'")
                try transaction.run("DELETE FROM fraud_judgement")
                // The last of them is none of the case's.
                return try transaction.run(
                    """
                    INSERT INTO fraud_judgement (affiliate_id, day, probability, verdict, evidence, features,
                        model_version, judged_at, features_layout)
                    SELECT 'a', date '2026-02-28' + n::int, (ARRAY[0.6, 0.9, 0.7, 0.99])[n], 'review', '[]', f, 'v',
                        now(), $2
                    FROM unnest($1::bytea[]) WITH ORDINALITY AS u (f, n)
                    """, .bytesArray(judged.map(\.bytes)), .int4(FraudFeatures.layout))
            }
            #expect(try await decide(pipeline, isConfirmed: false) == [.done])
            let decisions = try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
                try FraudDecisionStore.unsealed(in: transaction)
            }
            #expect(decisions.values.flatMap { $0 }.map(\.seen) == [judged[1]])
        }
    }

    @Test("A confirmed case holds its affiliate until it is dismissed after all, and its money waits with it")
    func confirmed() async throws {
        try await Pipeline.with { pipeline in
            try await takeForged(pipeline)
            #expect(try await decide(pipeline, isConfirmed: true) == [.done])
            #expect(try await pipeline.texts("SELECT fraud_verdict FROM affiliate ORDER BY 1") == ["clear", "hold"])
            let flags = try await pipeline.take([Pipeline.order("next", ip: "192.0.2.9", at: "2026-03-04T11:30:00Z")])
            #expect(flags.map(\.verdict) == [.hold])
            let held = ["forged held", "next held", "plain approved"]
            #expect(try await pipeline.texts(Self.statuses) == held)
            try await approveDue(pipeline)
            #expect(try await pipeline.texts(Self.statuses) == held)
            #expect(try await pipeline.texts("SELECT count(*)::text FROM fraud_case WHERE status = 'open'") == ["0"])

            #expect(try await decide(pipeline, isConfirmed: false) == [.done])
            try await approveDue(pipeline)
            // What was suspected itself had been confirmed before.
            #expect(try await pipeline.texts("SELECT fraud_verdict FROM affiliate ORDER BY 1") == ["clear", "clear"])
            #expect(
                try await pipeline.texts(Self.statuses) == ["forged approved", "next approved", "plain approved"])
        }
    }

    @Test("A decided case is not decided again, and one that is none is not found")
    func again() async throws {
        try await Pipeline.with { pipeline in
            try await takeForged(pipeline)
            _ = try await decide(pipeline, isConfirmed: false)
            let outcomes = try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
                var outcomes: [FraudDecisionStore.Outcome] = []
                for (id, isConfirmed) in [(Int64(1), true), (1, false), (99, true)] {
                    outcomes.append(
                        try FraudDecisionStore.decide(
                            id, isConfirmed: isConfirmed, because: "x", by: "bob", at: Pipeline.now, in: transaction))
                }
                return outcomes
            }
            #expect(outcomes == [.notOpen(status: "dismissed"), .notOpen(status: "dismissed"), .notFound])
            #expect(try await pipeline.texts("SELECT count(*)::text FROM fraud_decision") == ["1"])
        }
    }
}
