import DevKit
import Foundation
import Testing

extension RealProcesses {
    @Suite("Frozen for longer than the session")
    struct ZombieTests {
        @Test("A scorer that wakes after another took over is fenced and harmless")
        func wakes() async throws {
            try await ScoringFleet.holds(at: ["afterPoll:2", "beforeCommit:2", "afterCommit:2"]) { run, point in
                try await run.publish()
                let zombie = try await run.startFrozenScorer(at: point)
                let heir = try await run.startScorer(["BATCH_RECORDS": "130"])
                try await run.waitUntilOwned(by: heir)
                try await run.waitUntilProcessed()
                await zombie.signal(SIGCONT)
                try await run.waitUntilOwned(by: zombie, heir)
                #expect(zombie.output.contains("partitions released"))
                #expect(await run.fleet.stop(zombie) == .exited(0))
            }
        }

        /// The heir has not moved the position, so nothing but the epoch tells the zombie's write from the owner's. A
        /// zombie whose connection the database gave up meanwhile writes nothing, and hears of its loss from the group.
        @Test("A scorer that wakes before its heir has written anything writes nothing either")
        func wakesEarly() async throws {
            try await ScoringFleet.holds { run in
                try await run.publish()
                let zombie = try await run.startFrozenScorer(at: "afterPoll")
                let heir = try await run.startFrozenScorer(at: "afterPoll")
                try await run.waitUntilOwned(by: heir)
                await zombie.signal(SIGCONT)
                try await wait(for: "the zombie to be fenced", within: ScoringFleet.turnWithin) {
                    zombie.output.contains("partition fenced") || zombie.output.contains("lost=true")
                }
                #expect(try await run.processedRecords == 0)
                await heir.signal(SIGCONT)
            }
        }
    }
}

extension ScoringFleet {
    /// Starts a scorer that freezes by itself, and waits until it has.
    func startFrozenScorer(at point: String) async throws -> ChildProcess {
        let scorer = try await startScorer(["TRIBUTARY_FREEZE_AT": point])
        try await wait(for: "the scorer to freeze", within: ScoringFleet.turnWithin) { scorer.isFrozen }
        return scorer
    }
}
