import AsyncAlgorithms
public import Domain
import Events
public import Logging
import Outbox
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// Takes up parked refunds once their order is there.
///
/// The refund and its order may be decided by two scorers at once, neither seeing the other's; so this looks again and
/// again rather than once at the order's arrival.
public struct ParkedRelease: Service {
    /// Records taken up in one transaction.
    static let batchRecords = 500

    private let pool: PostgresPool
    private let publisher: LanePublisher
    private let interval: Duration
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger

    public static let lane = Lane(emitter: ScoringStage.group)

    public init(
        pool: PostgresPool, publisher: LanePublisher, every interval: Duration,
        clock: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.pool = pool
        self.publisher = publisher
        self.interval = interval
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        for await _ in AsyncTimerSequence(interval: interval, clock: .continuous).cancelOnGracefulShutdown() {
            do throws(PostgresError) {
                while try await runOnce() == ParkedRelease.batchRecords {}
            } catch {
                logger.warning("parked records wait", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    /// - Returns: how many records were taken up.
    public func runOnce() async throws(PostgresError) -> Int {
        let now = clock()
        let count = try await pool.transaction { (transaction) throws(PostgresError) in
            let parked = try ParkedStore.take(limit: ParkedRelease.batchRecords, in: transaction)
            guard !parked.isEmpty else { return 0 }
            let events = parked.map { (position: $0.position, reading: TrackingEventReader.read($0.payload[...])) }
            let inputs = events.compactMap { $0.reading.input }
            let facts = try ScoringFacts(inputs, registersUnknown: false, in: transaction)
            var fold = ScoringFold(facts, at: now, releasesParked: true)
            for (position, reading) in events {
                guard case .event(let event) = reading else { continue }
                fold.take(event, at: position, payload: nil)
            }
            let messages = try fold.save(in: transaction)
            try OutboxStore.append(messages.map(\.message), to: ParkedRelease.lane, in: transaction)
            return parked.count
        }
        if count > 0 { publisher.wake() }
        return count
    }
}

extension TrackingEventReading {
    fileprivate var input: ScoringStage.Input? {
        guard case .event(let event) = self else { return nil }
        return .event(event)
    }
}
