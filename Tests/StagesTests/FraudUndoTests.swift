import DevKit
import Domain
import Events
import Postgres
import Stages
import Storage
import Testing

@Suite("Undoing decisions about fraud", .timeLimit(.minutes(5))) struct FraudUndoTests {
    /// Everything that a decision changes, but for its own row.
    private static let state: Statement =
        """
        SELECT to_jsonb(c)::text FROM fraud_case c
        UNION ALL SELECT to_jsonb(f)::text FROM fraud_conversion f
        UNION ALL SELECT concat_ws(' ', commission_id, status, hold_until) FROM commission
        UNION ALL SELECT concat_ws(' ', affiliate_id, fraud_verdict) FROM affiliate
        UNION ALL SELECT concat_ws(' ', affiliate_id, pending, payable) FROM affiliate_balance
        UNION ALL SELECT concat_ws(' ', affiliate_id, day, probability, verdict) FROM fraud_judgement
        ORDER BY 1
        """

    /// A suspected and a plain order, judged; the suspected one's commission is held.
    private static func held(_ pipeline: Pipeline) async throws {
        try await pipeline.take([
            FraudDetectionTests.click("c1"),
            FraudDetectionTests.forged("forged", click: "c1", at: "2026-03-04T10:00:03Z"),
            Pipeline.order("plain", at: "2026-03-04T11:00:00Z"),
        ])
    }

    private static func decide(_ pipeline: Pipeline, isConfirmed: Bool, batch: UInt128 = 7) async throws {
        let ruling = FraudRuling(
            isConfirmed: isConfirmed, reason: "looked at it", allowanceDays: 30, actor: "ann", at: Pipeline.now)
        try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
            _ = try FraudDecisionStore.decide([1], ruling, batchID: Identifier(batch), in: transaction)
        }
    }

    private static func undo(
        _ pipeline: Pipeline, after seconds: Int64 = 60, batch: UInt128 = 7
    ) async throws -> FraudUndo.Outcome {
        try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
            try FraudUndo.undo(
                Identifier(batch), by: "bob", at: Pipeline.now.adding(seconds: seconds), in: transaction)
        }
    }

    private static func learnable(_ pipeline: Pipeline) async throws -> [FraudDecision] {
        try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
            try FraudDecisionStore.unsealed(in: transaction).values.flatMap(\.self)
        }
    }

    @Test("What is undone is as it was: case, conversions, holds, verdicts, what is learnt", arguments: [true, false])
    func undone(isConfirmed: Bool) async throws {
        try await Pipeline.with { pipeline in
            try await Self.held(pipeline)
            let before = try await pipeline.texts(Self.state)
            try await Self.decide(pipeline, isConfirmed: isConfirmed)
            // The engine takes the decision in, and the planner what it released.
            _ = try await pipeline.judge()
            #expect(try await pipeline.texts(Self.state) != before)
            #expect(try await Self.learnable(pipeline).map(\.allowanceDays) == [30])
            #expect(try await Self.undo(pipeline) == .done(cases: [1], approved: 0))
            _ = try await pipeline.judge()
            #expect(try await pipeline.texts(Self.state) == before)
            #expect(try await Self.learnable(pipeline).isEmpty)
            #expect(try await Self.undo(pipeline) == .undoneBefore)
            // And the case can be decided anew.
            try await Self.decide(pipeline, isConfirmed: !isConfirmed, batch: 8)
            #expect(
                try await pipeline.texts("SELECT status FROM fraud_case")
                    == [isConfirmed ? "dismissed" : "confirmed"])
        }
    }

    @Test("What a dismissal released is not due before its undo is over")
    func waits() async throws {
        try await Pipeline.with { pipeline in
            try await Self.held(pipeline)
            try await Self.decide(pipeline, isConfirmed: false)
            for (seconds, due) in [(FraudDecisionStore.undoSeconds - 1, 0), (FraudDecisionStore.undoSeconds, 1)] {
                let found = try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
                    try CommissionStore.due(
                        at: Pipeline.now.adding(seconds: seconds), maximum: 10, in: transaction)
                }
                #expect(found.count == due, "after \(seconds) s")
            }
        }
    }

    @Test("What cannot be put back is refused as a whole, with the reason, and nothing is changed")
    func refusals() async throws {
        let euro = try #require(Currency(code: "EUR"))
        let late = FraudDecisionStore.undoSeconds + 1
        let cases: [(change: Statement?, seconds: Int64, outcome: FraudUndo.Outcome)] = [
            (nil, late, .tooLate),
            ("UPDATE fraud_decision SET sealed = true", 60, .tooLate),
            (
                "UPDATE commission SET status = 'approved' WHERE status = 'pending'", 60,
                .moneyMoved([Money(minorUnits: 1_000, currency: euro)])
            ),
            (
                """
                INSERT INTO fraud_model (base, bias, weights, examples, status, made_by, made_at)
                VALUES ('x', 0, '{}', 1, 'shadow', 'eve', '2026-03-04T12:00:30Z')
                """, 60, .learntFrom
            ),
        ]
        for (change, seconds, outcome) in cases {
            try await Pipeline.with { pipeline in
                try await Self.held(pipeline)
                try await Self.decide(pipeline, isConfirmed: false)
                if let change { try await pipeline.run(change) }
                let before = try await pipeline.texts(Self.state)
                #expect(try await Self.undo(pipeline, after: seconds) == outcome)
                #expect(try await pipeline.texts(Self.state) == before)
            }
        }
        try await Pipeline.with { pipeline in
            try await Self.held(pipeline)
            #expect(try await Self.undo(pipeline) == .notFound)
            try await Self.decide(pipeline, isConfirmed: true)
            try await Self.decide(pipeline, isConfirmed: false, batch: 8)
            #expect(try await Self.undo(pipeline) == .decidedSince)
            #expect(try await Self.undo(pipeline, batch: 8) == .done(cases: [1], approved: 0))
            #expect(try await pipeline.texts("SELECT status FROM fraud_case") == ["confirmed"])
            #expect(try await Self.undo(pipeline) == .done(cases: [1], approved: 0))
            #expect(try await pipeline.texts("SELECT status FROM fraud_case") == ["open"])
        }
    }
}
