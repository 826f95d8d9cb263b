import DevKit
import Domain
import Postgres
import Testing

/// Random worlds, taken by the stages and by an oracle.
///
/// `MONEY_WORLDS=FIRST-LAST` tries other seeds than those of every run, and says how many it tried.
@Suite("Money, computed twice", .serialized, .timeLimit(.minutes(60)))
struct MoneyPropertyTests {
    private static let seeds = WorldSeeds("MONEY_WORLDS", otherwise: 1...60)
    private static let workers: UInt64 = 4

    @Test("Whatever happens in whatever order, every account is what the oracle says, to the minor unit")
    func worlds() async throws {
        let differences = try await withThrowingTaskGroup(of: [String].self) { group in
            for worker in 0..<Self.workers {
                group.addTask {
                    var differences: [String] = []
                    for seed in Self.seeds.range where seed % Self.workers == worker && differences.count < 3 {
                        if let difference = try await Self.tryOut(seed) { differences.append(difference) }
                    }
                    return differences
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        for difference in differences { Issue.record("\(difference)") }
        Self.seeds.report(steps: "events in batches, one behind the other", differing: differences.count)
    }

    /// - Returns: nil if both agree.
    private static func tryOut(_ seed: UInt64) async throws -> String? {
        let world = MoneyWorld(seed: seed)
        return try await TestDatabase.with(poolSize: 1) { database in
            let rig = MoneyRig(world: world, database: database)
            try await rig.prepare()
            var oracle = MoneyOracle(world) { rig.conversionID($0).description }
            for (index, step) in world.steps.enumerated() {
                oracle.take(step)
                try await rig.take(step, number: index)
                let facts = try await rig.facts()
                guard facts != oracle.facts else { continue }
                let missing = Set(oracle.facts).subtracting(facts).sorted()
                let surplus = Set(facts).subtracting(oracle.facts).sorted()
                return """
                    seed \(seed), step \(index) \(step)
                      oracle: \(missing)
                      stages: \(surplus)
                      rules: \(world.rules)
                    """
            }
            return nil
        }
    }
}
