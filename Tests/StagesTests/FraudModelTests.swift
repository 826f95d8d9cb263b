import DevKit
import Domain
import Postgres
import Stages
import Storage
import Testing

@Suite("Versions of the fraud model", .timeLimit(.minutes(5))) struct FraudModelTests {
    private static let versions: Statement =
        "SELECT concat_ws(' ', fraud_model_id, examples, status) FROM fraud_model ORDER BY 1"
    private static let judges: Statement = "SELECT DISTINCT model_version FROM fraud_judgement"
    /// What a version said silently, and whether it says less than the one that judges.
    private static let candidates: Statement = """
        SELECT DISTINCT concat_ws(' ', candidate_version, candidate_probability < probability) FROM fraud_judgement
        WHERE candidate_version IS NOT NULL
        """

    /// A dismissed case, so that there is something to learn from.
    private static func decided(_ pipeline: Pipeline) async throws {
        try await pipeline.take([
            FraudDetectionTests.click("c1"),
            FraudDetectionTests.forged("forged", click: "c1", at: "2026-03-04T10:00:03Z"),
        ])
        try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
            _ = try FraudDecisionStore.decide(
                1, isConfirmed: false, because: "x", by: "ann", at: Pipeline.now, in: transaction)
        }
    }

    private static func promote(_ pipeline: Pipeline, _ id: Int64?) async throws -> FraudModelStore.Promotion {
        try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
            try FraudModelStore.promote(id, by: "ann", at: Pipeline.now, in: transaction)
        }
    }

    private static func learn(_ pipeline: Pipeline) async throws -> Int64? {
        try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
            try FraudModelStore.learn(by: "ann", at: Pipeline.now, in: transaction)?.id
        }
    }

    @Test("A learnt version judges nothing until it is promoted, then the open days, and can be taken back")
    func promotion() async throws {
        try await Pipeline.with { pipeline in
            #expect(try await Self.learn(pipeline) == nil)
            try await Self.decided(pipeline)
            let standard = FraudModel.standard.version
            #expect(try await Self.learn(pipeline) == 1)
            try await pipeline.timer().runOnce()
            #expect(try await pipeline.texts(Self.judges) == [standard])
            #expect(try await pipeline.texts(Self.candidates) == ["\(standard)/1 t"])
            #expect(try await pipeline.texts(Self.versions) == ["1 1 shadow"])

            #expect(try await Self.promote(pipeline, 7) == .notFound)
            #expect(try await Self.promote(pipeline, 1) == .done)
            #expect(try await Self.promote(pipeline, 1) == .activeAlready)
            let timer = pipeline.timer()
            try await timer.runOnce()
            #expect(try await pipeline.texts(Self.judges) == ["\(standard)/1"])
            #expect(try await pipeline.texts(Self.candidates).isEmpty)
            #expect(try await Self.learn(pipeline) == 2)
            #expect(try await Self.promote(pipeline, 2) == .done)
            #expect(try await pipeline.texts(Self.versions) == ["1 1 retired", "2 1 active"])

            #expect(try await Self.promote(pipeline, nil) == .done)
            try await timer.runOnce()
            #expect(try await pipeline.texts(Self.judges) == [standard])
            #expect(
                try await pipeline.texts("SELECT subject FROM audit_log WHERE action = 'promote fraud model'")
                    .sorted() == ["1", "2", "standard"])
        }
    }

    @Test(
        "Decisions made under older weights teach the newer ones; those of features measured otherwise do not",
        arguments: [(weights: "worlds-0/7", layout: FraudFeatures.layout, version: 1), ("worlds-0/7", 0, nil)])
    func upgraded(weights: String, layout: Int32, version: Int64?) async throws {
        try await Pipeline.with { pipeline in
            try await Self.decided(pipeline)
            try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
                for table: Statement in [
                    "UPDATE fraud_decision SET model_version = $1, features_layout = $2",
                    "UPDATE fraud_judgement SET model_version = $1, features_layout = $2",
                ] {
                    try transaction.run(table, .text(weights), .int4(layout))
                }
            }
            #expect(try await Self.learn(pipeline) == version)
        }
    }

    @Test("A version is stored to the bit")
    func stored() async throws {
        try await Pipeline.with { pipeline in
            try await Self.decided(pipeline)
            _ = try await Self.learn(pipeline)
            _ = try await Self.promote(pipeline, 1)
            let (active, all, seen) = try await pipeline.database.pool.transaction {
                (transaction) throws(PostgresError) in
                (
                    try FraudModelStore.active(in: transaction), try FraudModelStore.all(in: transaction),
                    try FraudModelStore.seen(since: 0, in: transaction)
                )
            }
            var learning = DecisionLearning(.standard)
            let features = try #require(seen.first?.features)
            learning.learn(FraudDecision(affiliate: 1, isConfirmed: false), features)
            for day in seen { learning.see(day.features, of: FraudHash.of(day.affiliateID), on: day.day) }
            let model = learning.model
            #expect(active.trust == model.trust && active.added == model.added && active.bias == model.bias)
            #expect(active.slope == model.slope && active.priorShift == model.priorShift)
            #expect(active.patterns == FraudModel.standard.patterns)
            #expect(all.map(\.model.version) == [active.version])
        }
    }

    @Test("The verbs learn, compare, promote and list")
    func verbs() async throws {
        try await Pipeline.with { pipeline in
            try await Self.decided(pipeline)
            let fleet = try Fleet(environment: ["DATABASE_URL": pipeline.database.url])
            let expected: [([String], ProcessEnd, String)] = [
                (["learn"], .exited(0), "version 1 learnt from 1 decisions"),
                (["compare", "1", "--days", "20000"], .exited(0), "affiliate-days change their verdict"),
                (["compare", "9"], .exited(64), "there is no version 9"),
                (["promote", "1"], .exited(0), "version 1 judges from now on"), (["models"], .exited(0), "active"),
                (["promote", "standard"], .exited(0), "version standard judges from now on"),
            ]
            for (arguments, end, words) in expected {
                let verb = try await fleet.start("tributary", ["fraud"] + arguments)
                #expect(await verb.waitForEnd() == end, "\(arguments)")
                #expect(verb.output.contains(words), "\(verb.output)")
            }
            await fleet.stop()
        }
    }
}
