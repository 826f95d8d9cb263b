import Domain
import Postgres
import ServiceLifecycle

/// What open pages are told while they are open.
struct LiveSnapshot: Encodable, Hashable, Sendable {
    let sentence: String
    let freshness: Freshness
    /// Changes whenever a figure on some page may have changed; a page then asks for itself again.
    let version: String
}

/// Reads what changed every two seconds while anybody looks, and tells everybody who does.
actor LiveFeed: Service {
    static let subscribersMaximum = 256
    private static let interval = Duration.seconds(2)

    private let pool: PostgresPool
    private let watermarks: @Sendable () async -> [PartitionWatermark]
    private let now: @Sendable () -> Timestamp
    private var subscribers: [Int: AsyncStream<LiveSnapshot>.Continuation] = [:]
    private var nextSubscriber = 0

    init(
        pool: PostgresPool, watermarks: @escaping @Sendable () async -> [PartitionWatermark],
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.pool = pool
        self.watermarks = watermarks
        self.now = now
    }

    func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.runOnce()
                // Cancelled by the shutdown, which is how this loop ends.
                guard (try? await Task.sleep(for: LiveFeed.interval)) != nil else { return }
            }
        }
    }

    /// - Returns: nil if too many pages are open already.
    func subscribe() -> AsyncStream<LiveSnapshot>? {
        guard subscribers.count < LiveFeed.subscribersMaximum else { return nil }
        // A slow reader misses snapshots, never the newest one.
        let (stream, continuation) = AsyncStream.makeStream(
            of: LiveSnapshot.self, bufferingPolicy: .bufferingNewest(1))
        subscribers[nextSubscriber] = continuation
        nextSubscriber += 1
        return stream
    }

    /// Reads once and tells all subscribers; a database that does not answer leaves them with what they have.
    func runOnce() async {
        guard !subscribers.isEmpty, let snapshot = try? await snapshot() else { return }
        for (id, subscriber) in subscribers {
            // A page that was closed dropped its end of the stream.
            if case .terminated = subscriber.yield(snapshot) { subscribers[id] = nil }
        }
    }

    func snapshot() async throws(PostgresError) -> LiveSnapshot {
        let watermarks = await watermarks()
        let moment = now()
        return try await pool.transaction { transaction throws(PostgresError) in
            let positions = try FleetQueries.positions(watermarks: watermarks, in: transaction)
            let freshness = Freshness(positions, at: moment)
            return LiveSnapshot(
                sentence: freshness.sentence, freshness: freshness,
                version: try FleetQueries.version(in: transaction))
        }
    }
}
