/// Lets a bounded number of calls start per second; callers wait for their turn.
actor RateLimiter {
    private let spacing: Duration
    private let burst: Duration
    /// When the next call may start, if nobody waits.
    private var nextStart: ContinuousClock.Instant

    /// - Parameters:
    ///   - perSecond: calls in the long run, 1 or more.
    ///   - burst: calls that may start at once after a pause.
    init(perSecond: Int, burst: Int) {
        precondition(perSecond > 0 && burst > 0, "a limit lets something through")
        spacing = .seconds(1) / perSecond
        self.burst = spacing * (burst - 1)
        nextStart = .now - self.burst
    }

    /// Waits until the caller may start.
    ///
    /// - Throws: `CancellationError` if the caller's task is cancelled meanwhile.
    func take() async throws {
        let now = ContinuousClock.now
        let start = max(nextStart, now - burst)
        nextStart = start + spacing
        if start > now { try await Task.sleep(until: start, clock: .continuous) }
    }
}
