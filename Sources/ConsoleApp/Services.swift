import Domain
import Logging
import Postgres

/// What every route works with.
struct Services: Sendable {
    /// The emitter's lane in which the console's messages wait for their topics.
    static let lane = "console"

    let pool: PostgresPool
    let now: @Sendable () -> Timestamp
    let watermarks: WatermarkCache
    let sessions: SessionStore
    let cookie: SessionCookie
    let pages: PageRenderer
    let live: LiveFeed
    /// Wakes whoever publishes the console's lane.
    let wake: @Sendable () async -> Void
}

/// The broker's watermarks, asked at most once a second however many pages are open.
actor WatermarkCache {
    private static let lifetimeMicroseconds: Int64 = 1_000_000

    private let source: @Sendable () async -> [PartitionWatermark]
    private let now: @Sendable () -> Timestamp
    private var known: [PartitionWatermark] = []
    private var askedAt: Timestamp?

    init(now: @escaping @Sendable () -> Timestamp, source: @escaping @Sendable () async -> [PartitionWatermark]) {
        self.now = now
        self.source = source
    }

    func current() async -> [PartitionWatermark] {
        let moment = now()
        if let askedAt,
            moment.microsecondsSinceEpoch - askedAt.microsecondsSinceEpoch < WatermarkCache.lifetimeMicroseconds
        {
            return known
        }
        // Set before the wait, so that callers in the meantime get the last answer and not a question of their own.
        askedAt = moment
        known = await source()
        return known
    }
}
