import DevKit
import Testing

/// Suites of scorers, brokers and databases that are processes of their own, one suite after the other: two cores are
/// soon full.
@Suite("Real processes", .serialized, .timeLimit(.minutes(4)))
enum RealProcesses {}

/// The result of a run in which nothing happened; made once for all scenarios.
actor Undisturbed {
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

extension ScoringFleet {
    /// Scenarios that run at once; most of its time each waits for a session to end.
    private static let atOnce = 3

    /// Runs a scenario once for each of `points`, a few at once.
    static func holds(
        at points: [String], _ scenario: @escaping @Sendable (ScoringFleet, String) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, point) in points.enumerated() {
                if number >= atOnce { try await group.next() }
                group.addTask { try await holds(named: point) { run in try await scenario(run, point) } }
            }
            try await group.waitForAll()
        }
    }

    /// Runs a scenario on all the traffic, and holds what it came to against the undisturbed run.
    ///
    /// - Parameters:
    ///   - database: nil for a fresh one of the shared cluster.
    ///   - name: tells one scenario of a test from another.
    ///   - scenario: publishes the traffic, and leaves at least one scorer that can finish it.
    static func holds(
        on database: TestDatabase? = nil, named name: String = "", _ scenario: (ScoringFleet) async throws -> Void
    ) async throws {
        let expected = try await Undisturbed.shared.result()
        let run = try await start(on: database)
        do {
            try await scenario(run)
            try await run.waitUntilProcessed()
            try await run.expect(expected, named: name)
            try await run.stop()
        } catch {
            let words = run.lastWords
            try await run.stop()
            Issue.record(error, "\(name) \(words)")
        }
    }

    /// The facts are those, and every invariant holds.
    func expect(_ expected: [String], named name: String = "", ignoring kinds: [String] = []) async throws {
        let facts = Set(try await result()).symmetricDifference(expected)
        let differences = facts.filter { fact in !kinds.contains(where: fact.hasPrefix) }
        #expect(
            differences.isEmpty, "\(name) \(differences.count) differences, such as \(differences.sorted().prefix(8))")
        let (end, output) = try await verify()
        #expect(end == .exited(0), "\(name) \(output)")
    }
}
