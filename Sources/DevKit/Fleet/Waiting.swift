/// A condition did not come true in time.
public struct WaitedTooLong: Error, CustomStringConvertible {
    /// What was waited for.
    public let awaited: String
    public let limit: Duration

    public var description: String { "waited \(limit) for \(awaited)" }
}

/// Waits until `condition` is true, asking it again and again.
///
/// For states that nobody announces, such as a row that another process writes. It is never the wait itself that makes
/// something true.
/// - Parameters:
///   - awaited: what is waited for, for the error.
///   - limit: how long at most.
///   - interval: the pause between two questions.
/// - Throws: `WaitedTooLong` after `limit`, and whatever `condition` throws.
public func wait(
    for awaited: String, within limit: Duration, every interval: Duration = .milliseconds(50),
    isolation: isolated (any Actor)? = #isolation, until condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while try await !condition() {
        guard clock.now < deadline else { throw WaitedTooLong(awaited: awaited, limit: limit) }
        try await clock.sleep(for: interval)
    }
}
