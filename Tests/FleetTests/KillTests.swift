import DevKit
import Testing

extension RealProcesses {
    @Suite("Killed on purpose")
    struct KillTests {
        private static let points = [
            "afterPoll:2", "afterFence:2", "afterDedupe:2", "afterEffects:2", "beforeCommit:2", "afterCommit:2",
            "amidPublish:2", "afterPublish:2", "inClaim",
        ]

        @Test("A scorer killed at any point leaves what an undisturbed run leaves")
        func killed() async throws {
            try await ScoringFleet.holds(at: KillTests.points) { run, point in
                try await run.publish()
                let victim = try await run.startScorer(["TRIBUTARY_CRASH_AT": point])
                #expect(await victim.waitForEnd() == .signalled(9))
                // Other batches than the victim's: what it told the topics must have been committed all the same.
                _ = try await run.startScorer(["BATCH_RECORDS": "130"])
            }
        }

        @Test("A scorer killed while it gives partitions back leaves what an undisturbed run leaves")
        func killedWhileRevoking() async throws {
            try await ScoringFleet.holds { run in
                let (first, second) = try await run.publishHalfAndHalf {
                    try await run.startScorer(["TRIBUTARY_CRASH_AT": "inRevoke"])
                } then: {
                    try await run.startScorer()
                }
                #expect(await first.waitForEnd() == .signalled(9))
                try await run.waitUntilOwned(by: second)
            }
        }

        @Test("A scorer that is asked to end drains and exits 0, and the next goes on where it stood")
        func drained() async throws {
            try await ScoringFleet.holds { run in
                let (first, _) = try await run.publishHalfAndHalf {
                    try await run.startScorer()
                } then: {
                    try await run.startScorer()
                }
                #expect(await run.fleet.stop(first, signal: 15) == .exited(0))
            }
        }
    }
}

extension ScoringFleet {
    /// Publishes half of the traffic to one scorer; when it is at work, the rest to it and to another.
    func publishHalfAndHalf(
        _ startFirst: () async throws -> ChildProcess, then startSecond: () async throws -> ChildProcess
    ) async throws -> (ChildProcess, ChildProcess) {
        let halves = ScoringFleet.traffic(inParts: 2)
        try await publish(halves[0])
        let first = try await startFirst()
        try await wait(for: "the first records", within: ScoringFleet.startWithin) { try await processedRecords > 0 }
        try await publish(halves[1])
        return (first, try await startSecond())
    }
}
