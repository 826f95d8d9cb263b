import AsyncAlgorithms
public import Kafka
public import Logging
public import Outbox
public import Postgres
public import ServiceLifecycle

/// Publishes the outbox of an emitter without an input partition: console, reconciler, a stage's timer.
///
/// Any process may write into the lane; one publishes it. Publishing follows the epoch of the lane's row: who finds the
/// epoch changed stands by, and takes the lane over once its rows wait for longer than `takeOverAfter` without
/// progress. Two publishers at once cost duplicates, never order or loss.
public actor LanePublisher: Service {
    /// Standing by, how long rows may wait without progress before this process takes the lane.
    public static let takeOverAfter: Duration = .seconds(5)
    static let chunkRows = 1_000

    private let lane: Lane
    private let owner: String
    private let pool: PostgresPool
    private let publisher: Publisher
    private let logger: Logger
    private let pokes: AsyncStream<Void>
    private let poke: AsyncStream<Void>.Continuation

    private var epoch: Int64?
    private var stalledAt: (sequence: Int64, since: ContinuousClock.Instant)?

    /// - Parameter owner: names this process in the lane's row.
    public init(_ lane: Lane, owner: String, pool: PostgresPool, producer: KafkaProducer, logger: Logger) {
        self.lane = lane
        self.owner = owner
        self.pool = pool
        self.logger = logger
        publisher = Publisher(producer)
        (pokes, poke) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Tells that there are new rows; without it they are found within a second.
    public nonisolated func wake() {
        poke.yield()
    }

    public func run() async throws {
        let ticks = AsyncTimerSequence(interval: .seconds(1), clock: .continuous).map { _ in () }
        for await _ in merge(ticks, pokes).cancelOnGracefulShutdown() { await publishAll() }
        await publishAll()
    }

    /// Publishes until nothing waits or something fails, which is tried again at the next tick.
    func publishAll() async {
        do throws(PostgresError) {
            while try await runOnce() {}
        } catch {
            epoch = nil
            logger.warning("lane failed", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// One chunk.
    ///
    /// - Returns: whether there may be more.
    func runOnce() async throws(PostgresError) -> Bool {
        let lane = lane
        let row = try await pool.transaction { (transaction) throws(PostgresError) in
            try LaneStore.read(lane, in: transaction)
        }
        guard let row, row.publishedUpTo < row.nextOutSequence else {
            stalledAt = nil
            return false
        }
        guard row.epoch == epoch || mayTake(row) else { return false }
        let owner = owner
        let taken = row.epoch == epoch ? row.epoch : nil
        let (epoch, rows) = try await pool.transaction { (transaction) throws(PostgresError) in
            let epoch = if let taken { taken } else { try LaneStore.claim(lane, owner: owner, in: transaction) }
            let rows = try OutboxStore.load(
                lane, from: row.publishedUpTo, limit: LanePublisher.chunkRows, in: transaction)
            return (epoch, rows)
        }
        self.epoch = epoch
        let report = await publisher.publish(rows)
        for error in report.failures.prefix(1) {
            logger.warning("publishing failed", metadata: [LogKey.error: "\(error)"])
        }
        guard let publishedUpTo = report.publishedUpTo[lane] else { return false }
        let isOurs = try await pool.transaction { (transaction) throws(PostgresError) in
            try LaneStore.save(lane, publishedUpTo: publishedUpTo, epoch: epoch, in: transaction)
        }
        if !isOurs { self.epoch = nil }
        return isOurs && report.failures.isEmpty
    }

    /// Whether the lane has no publisher that gets on: nobody's yet, or unmoved for long enough by our own clock.
    private func mayTake(_ row: LaneRow) -> Bool {
        guard row.epoch > 0 else { return true }
        guard let stalledAt, stalledAt.sequence == row.publishedUpTo else {
            stalledAt = (row.publishedUpTo, .now)
            return false
        }
        return ContinuousClock.now - stalledAt.since > LanePublisher.takeOverAfter
    }
}

/// A lane's row of `stream_offset`.
struct LaneRow: Sendable {
    let epoch: Int64
    let nextOutSequence: Int64
    let publishedUpTo: Int64
}

enum LaneStore {
    /// - Returns: nil before anything was written into the lane.
    static func read(_ lane: Lane, in transaction: borrowing Transaction) throws(PostgresError) -> LaneRow? {
        try transaction.query(
            """
            SELECT owner_epoch, next_out_seq, published_upto FROM stream_offset
            WHERE worker_group = $1 AND topic = $2 AND partition = $3
            """, .text(lane.workerGroup), .text(lane.topic), .int4(lane.partition)
        ) { row in
            LaneRow(epoch: try row.int8(0), nextOutSequence: try row.int8(1), publishedUpTo: try row.int8(2))
        }.first
    }

    /// - Returns: the new epoch.
    static func claim(
        _ lane: Lane, owner: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int64 {
        let epochs = try transaction.query(
            """
            UPDATE stream_offset SET owner_epoch = owner_epoch + 1, owner_id = $4, updated_at = now()
            WHERE worker_group = $1 AND topic = $2 AND partition = $3 RETURNING owner_epoch
            """, .text(lane.workerGroup), .text(lane.topic), .int4(lane.partition), .text(owner)
        ) { row in try row.int8(0) }
        guard let epoch = epochs.first else { throw .rollback("a lane vanished while it was claimed") }
        return epoch
    }

    /// - Returns: false if the lane has another publisher.
    static func save(
        _ lane: Lane, publishedUpTo: Int64, epoch: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.run(
            """
            UPDATE stream_offset SET published_upto = GREATEST(published_upto, $5), updated_at = now()
            WHERE worker_group = $1 AND topic = $2 AND partition = $3 AND owner_epoch = $4
            """, .text(lane.workerGroup), .text(lane.topic), .int4(lane.partition), .int8(epoch), .int8(publishedUpTo)
        ) == 1
    }
}
