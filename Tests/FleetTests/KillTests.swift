import DevKit
import Testing

/// The result of a run in which nothing died; made once for all scenarios.
private actor Undisturbed {
    static let shared = Undisturbed()
    private var making: Task<[String], any Error>?

    func result() async throws -> [String] {
        if let making { return try await making.value }
        let task = Task {
            let run = try await ScoringFleet.start()
            try await run.publish()
            _ = try await run.startScorer()
            try await run.waitUntilProcessed()
            let result = try await run.result()
            try await run.stop()
            return result
        }
        making = task
        return try await task.value
    }
}

@Suite("Real processes, killed on purpose", .serialized, .timeLimit(.minutes(10)))
struct KillTests {
    @Test(
        "A scorer killed at any point leaves what an undisturbed run leaves",
        arguments: [
            "afterPoll", "afterFence", "afterDedupe", "afterEffects", "beforeCommit", "afterCommit", "amidPublish",
            "afterPublish",
        ])
    func killed(at point: String) async throws {
        let expected = try await Undisturbed.shared.result()
        let run = try await ScoringFleet.start()
        try await run.publish()
        let victim = try await run.startScorer(crashAt: point + ":2")
        #expect(await victim.waitForEnd() == .signalled(9))
        _ = try await run.startScorer()
        try await run.waitUntilProcessed()
        #expect(try await run.result() == expected)
        let (end, output) = try await run.verify()
        #expect(end == .exited(0), "\(output)")
        try await run.stop()
    }

    @Test("Each record delivered twice has one effect")
    func deliveredTwice() async throws {
        let run = try await ScoringFleet.start()
        try await run.publish(times: 2)
        _ = try await run.startScorer()
        try await run.waitUntilProcessed(records: 2 * ScoringFleet.events)
        let doubled = try await run.result().filter { !$0.hasPrefix("exception") && !$0.hasPrefix("dead") }
        let expected = try await Undisturbed.shared.result()
        #expect(doubled == expected.filter { !$0.hasPrefix("exception") && !$0.hasPrefix("dead") })
        let (end, output) = try await run.verify()
        #expect(end == .exited(0), "\(output)")
        try await run.stop()
    }

    @Test("A scorer that is asked to end drains and exits 0, and the next goes on where it stood")
    func drained() async throws {
        let expected = try await Undisturbed.shared.result()
        let run = try await ScoringFleet.start()
        try await run.publish()
        let first = try await run.startScorer()
        try await wait(for: "the first records", within: .seconds(30)) {
            try await run.count("SELECT count(*) FROM event") > 0
        }
        #expect(await run.fleet.stop(first, signal: 15) == .exited(0))
        _ = try await run.startScorer()
        try await run.waitUntilProcessed()
        #expect(try await run.result() == expected)
        try await run.stop()
    }
}
