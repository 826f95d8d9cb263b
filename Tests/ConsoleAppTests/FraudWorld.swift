import DevKit
import Domain
import Events
import Kafka
import Logging
import Postgres
import Stages
import Testing
import WorkerRuntime

@testable import ConsoleApp

/// A made world that went through scorer and detector into a console's database.
enum FraudWorld {
    /// - Returns: the records as they were taken in.
    static func insert(
        _ cheats: [CheatKind], seed: UInt64, into console: TestConsole, affiliates: Int = 16, days: Int = 15
    ) async throws -> [[UInt8]] {
        var plan = WorldPlan(seed: seed, cheats: cheats)
        plan.affiliates = affiliates...affiliates
        plan.days = days...days
        plan.intensity = 1...3
        let world = World(plan)
        try await register(world, console)
        let stage = ScoringStage(registersUnknown: false)
        var scored: [[UInt8]] = []
        for first in stride(from: 0, to: world.lines.count, by: 1_000) {
            let lines = Array(world.lines[first..<min(first + 1_000, world.lines.count)])
            scored += try await apply(stage, to: lines, from: first, console)
        }
        for first in stride(from: 0, to: scored.count, by: 1_000) {
            let messages = Array(scored[first..<min(first + 1_000, scored.count)])
            _ = try await apply(FraudDetectionStage(), to: messages, from: first, console)
        }
        let now = world.start.adding(seconds: Int64(days) * 86_400)
        let timer = FraudJudgingTimer(
            pool: console.pool, publisher: nil, judge: "test", clock: { now },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await timer.runOnce()
        return world.lines
    }

    private static func register(_ world: World, _ console: TestConsole) async throws {
        for program in JSONTree(world.programs[...])?.array ?? [] {
            try await console.run(
                """
                INSERT INTO program (program_id, name, currency, auto_approve_limit_minor, main_markets)
                VALUES ($1, $1, $2, $3, $4::text[])
                """, .text(program["program_id"]?.string ?? ""), .text(program["currency"]?.string ?? ""),
                .int8(program["auto_approve_limit_minor"]?.integer ?? 0),
                .texts(program["main_markets"]?.array?.compactMap(\.string) ?? []))
        }
        try await console.run(
            """
            INSERT INTO rule_version (program_id, rule_id, version, rules_version, valid_from, priority, definition,
                created_by)
            SELECT program_id, 'standard', 1, 1, '1970-01-01Z', 0, '{"action": {"percent": 1000}}', 'test'
            FROM program
            """)
        try await console.run(
            """
            INSERT INTO affiliate (affiliate_id, name, provider_account)
            SELECT n, n, 'acct' FROM unnest($1::text[]) n
            """,
            .texts(world.affiliates.map(\.id)))
    }

    private static func apply<S: Stage>(
        _ stage: S, to values: [[UInt8]], from first: Int, _ console: TestConsole
    ) async throws -> [[UInt8]] {
        let source = TopicPartition(topic: stage.topics[0], partition: 0)
        let batch = values.enumerated().compactMap { offset, value -> Sourced<S.Input>? in
            let record = Record(
                source: source, offset: Int64(first + offset), timestampMilliseconds: 0, key: nil, value: value[...])
            guard case .input(let input) = stage.decode(record) else { return nil }
            return Sourced(record: record, input: input)
        }
        let now = console.clock.now
        let output = try await console.pool.transaction { (transaction) throws(PostgresError) in
            try stage.apply(batch, in: transaction, at: now)
        }
        return output.messages.compactMap(\.message.payload)
    }
}
