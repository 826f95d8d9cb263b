import DevKit
import Testing

/// Random lives of payouts under every fault that the fake provider has.
///
/// `PAYMENT_WORLDS=FIRST-LAST` and `CIRCLE_WORLDS` try other seeds than those of every run, and say how many.
@Suite("Money, sent under faults", .serialized, .timeLimit(.minutes(60)))
struct PaymentPropertyTests {
    private static let seeds = WorldSeeds("PAYMENT_WORLDS", otherwise: 1...24)
    private static let circleSeeds = WorldSeeds("CIRCLE_WORLDS", otherwise: 1...12)
    private static let workers: UInt64 = 4

    @Test("Whatever breaks in whatever order: nothing is paid twice, no dead key is sent, all is reconciled at last")
    func worlds() async throws {
        try await Self.tryOut(Self.seeds, "payouts under faults until all are reconciled", Self.tryOut)
    }

    @Test("The same over Circle, which keeps no name of ours")
    func circleWorlds() async throws {
        try await Self.tryOut(Self.circleSeeds, "payouts over Circle until all are reconciled", Self.tryOutCircle)
    }

    private static func tryOut(
        _ seeds: WorldSeeds, _ steps: String,
        _ world: @escaping @Sendable (UInt64, TestDatabase) async throws -> String?
    ) async throws {
        let failures = try await withThrowingTaskGroup(of: [String].self) { group in
            for worker in 0..<workers {
                group.addTask {
                    try await TestDatabase.with { database in
                        var failures: [String] = []
                        let kept = try await database.filledTables()
                        for seed in seeds.range where seed % workers == worker && failures.count < 2 {
                            try await database.clear(except: kept)
                            if let failure = try await world(seed, database) { failures.append(failure) }
                        }
                        return failures
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        for failure in failures { Issue.record("\(failure)") }
        seeds.report(steps: steps, differing: failures.count)
    }

    /// - Returns: nil if no money went astray.
    private static func tryOutCircle(_ seed: UInt64, on database: TestDatabase) async throws -> String? {
        var failure: String?
        try await CircleRig.with(recipients: 3, pollSeconds: 300, isSimulated: true, on: database) { rig in
            failure = try await CircleWorld(seed: seed, rig: rig).run()
        }
        return failure
    }

    /// - Returns: nil if no money went astray.
    private static func tryOut(_ seed: UInt64, on database: TestDatabase) async throws -> String? {
        var failure: String?
        try await PaymentRig.with(pollSeconds: 300, isSimulated: true, on: database) { rig in
            failure = try await PaymentWorld(seed: seed, rig: rig).run()
        }
        return failure
    }
}
