import AsyncAlgorithms
public import Logging
public import Postgres
import ServiceLifecycle

/// Runs a round of work when it is rung and at least once per interval, until shutdown.
public struct Pulse: Sendable {
    /// Between two rounds that nobody rang for.
    public let interval: Duration
    private let rings: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation

    public init(every interval: Duration) {
        self.interval = interval
        // One ring that waits is as good as many: a round takes all the work there is.
        (rings, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Asks for a round now.
    public func ring() { bell.yield() }

    /// Runs `round` until graceful shutdown or until it throws. Only one caller at a time.
    public func run(_ round: () async throws -> Void) async throws {
        try await round()
        let ticks = AsyncTimerSequence(interval: interval, clock: .continuous).map { _ in () }
        for await _ in merge(ticks, rings).cancelOnGracefulShutdown() { try await round() }
    }

    /// Runs `round` in the same way; a database that fails is no end, the next round comes.
    ///
    /// - Parameter waiting: what is said then, as in "ranking waits".
    public func run(
        _ waiting: Logger.Message, _ logger: Logger, _ round: () async throws(PostgresError) -> Void
    ) async throws {
        try await run {
            do throws(PostgresError) {
                try await round()
            } catch {
                logger.warning(waiting, metadata: [LogKey.error: "\(error)"])
            }
        }
    }
}
