public import Domain
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// Reads Circle's own list of payouts: for what no webhook told, and for what was made there without us.
public struct CircleSweep: Service {
    /// A payout may change long after it was created, and the list is by creation.
    private static let overlapDays: Int32 = 7
    private static let pagesMaximum = 1_000

    private let circle: CircleMint
    private let pool: PostgresPool
    private let pulse: Pulse
    private let limiter: RateLimiter
    private let clock: @Sendable () -> Timestamp
    private let wakePublisher: @Sendable () -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - pulse: how often the list is read.
    ///   - readsPerSecond: fewer than the provider allows.
    ///   - wakePublisher: called when `payouts.settled` may have something to publish.
    public init(
        circle: CircleMint, pool: PostgresPool, pulse: Pulse, readsPerSecond: Int,
        clock: @escaping @Sendable () -> Timestamp = systemNow, wakePublisher: @escaping @Sendable () -> Void = {},
        logger: Logger
    ) {
        self.circle = circle
        self.pool = pool
        self.pulse = pulse
        limiter = RateLimiter(perSecond: readsPerSecond, burst: 1)
        self.clock = clock
        self.wakePublisher = wakePublisher
        self.logger = logger
    }

    public func run() async throws {
        try await pulse.run {
            do {
                if try await runOnce() > 0 { wakePublisher() }
            } catch let error as PostgresError {
                logger.warning("listing failed", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    /// Reads the list from the last complete reading on, less the overlap.
    ///
    /// - Returns: how many payouts it moved.
    @discardableResult
    public func runOnce() async throws -> Int {
        let (name, now) = (circle.name, clock())
        let last = try await pool.transaction { (transaction) throws(PostgresError) in
            try ProviderListing.readAt(name, in: transaction)
        }
        let since = (last ?? now).adding(days: -CircleSweep.overlapDays)
        var moved = 0
        var cursor: String?
        for _ in 0..<CircleSweep.pagesMaximum {
            // Asked to end, it leaves the rest to the next reading, which begins where this one did.
            guard !Task.isShuttingDownGracefully else { return moved }
            try await limiter.take()
            switch await circle.page(since: since, after: cursor, at: now) {
            case .failure(let failure):
                logger.warning("listing failed", metadata: [LogKey.reason: "\(failure.reason)"])
                return moved
            case .success(let page):
                moved += try await apply(page.payouts, at: now)
                cursor = page.next
            }
            if cursor == nil { break }
        }
        guard cursor == nil else { return moved }
        try await pool.transaction { (transaction) throws(PostgresError) in
            try ProviderListing.markRead(name, at: now, in: transaction)
        }
        return moved
    }

    private func apply(_ page: [ProviderObservation], at now: Timestamp) async throws -> Int {
        let circle = circle
        let results = try await pool.transaction { (transaction) throws(PostgresError) in
            var results: [ObservationResult] = []
            for observation in try ProviderListing.news(page, in: transaction) {
                results.append(
                    try PayoutStore.apply(
                        observation, source: "poll", at: now, makeAttempt: circle.makeAttempt, in: transaction))
            }
            return results
        }
        return results.count {
            if case .moved = $0 { true } else { false }
        }
    }
}
