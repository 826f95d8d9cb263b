import DevKit
import Testing

/// Random lives of payouts under every fault that the fake provider has.
///
/// `PAYMENT_WORLDS=FIRST-LAST` tries other seeds than those of every run, and says how many it tried.
@Suite("Money, sent under faults", .serialized, .timeLimit(.minutes(60)))
struct PaymentPropertyTests {
    private static let seeds = WorldSeeds("PAYMENT_WORLDS", otherwise: 1...24)
    private static let workers: UInt64 = 4

    @Test("Whatever breaks in whatever order: nothing is paid twice, no dead key is sent, all is reconciled at last")
    func worlds() async throws {
        let failures = try await withThrowingTaskGroup(of: [String].self) { group in
            for worker in 0..<Self.workers {
                group.addTask {
                    var failures: [String] = []
                    for seed in Self.seeds.range where seed % Self.workers == worker && failures.count < 2 {
                        if let failure = try await Self.tryOut(seed) { failures.append(failure) }
                    }
                    return failures
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        for failure in failures { Issue.record("\(failure)") }
        Self.seeds.report(steps: "payouts under faults until all are reconciled", differing: failures.count)
    }

    /// - Returns: nil if no money went astray.
    private static func tryOut(_ seed: UInt64) async throws -> String? {
        var failure: String?
        try await PaymentRig.with(pollSeconds: 300, isSimulated: true) { rig in
            failure = try await PaymentWorld(seed: seed, rig: rig).run()
        }
        return failure
    }
}
