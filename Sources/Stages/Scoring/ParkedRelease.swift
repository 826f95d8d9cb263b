public import Domain
import Events
public import Logging
import Outbox
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// Takes up parked events once what they wait for is there, refuses those that waited too long, and corrects
/// conversions whose clicks came late.
///
/// A refund and its order, a conversion and its click may be decided by two scorers at once, neither seeing the
/// other's; so this looks again and again rather than once at the arrival.
public struct ParkedRelease: Service {
    /// Records taken up in one transaction.
    static let batchRecords = 500

    private let pool: PostgresPool
    private let publisher: LanePublisher
    private let pulse: Pulse
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger
    private let book = RuleBook()

    public static let lane = Lane(emitter: ScoringStage.group)

    public init(
        pool: PostgresPool, publisher: LanePublisher, every interval: Duration,
        clock: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.pool = pool
        self.publisher = publisher
        pulse = Pulse(every: interval)
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        try await pulse.run("parked records wait", logger) { () throws(PostgresError) in
            while try await runOnce() == ParkedRelease.batchRecords {}
        }
    }

    /// - Returns: how many records were taken up.
    public func runOnce() async throws(PostgresError) -> Int {
        let now = clock()
        let released = try await pool.transaction { (transaction) throws(PostgresError) in
            let due = try ParkedStore.take(limit: ParkedRelease.batchRecords, at: now, in: transaction)
            let messages = try release(due, at: now, in: transaction)
            try ParkedStore.postpone(at: now, in: transaction)
            try OutboxStore.append(messages.map(\.message), to: ParkedRelease.lane, in: transaction)
            return due.count
        }
        let corrected = try await pool.transaction { (transaction) throws(PostgresError) in
            let (count, messages) = try LateClicks.correct(
                limit: ParkedRelease.batchRecords, at: now, book: book, in: transaction)
            try AwaitedClickStore.postpone(at: now, in: transaction)
            try OutboxStore.append(messages.map(\.message), to: ParkedRelease.lane, in: transaction)
            return count
        }
        if released + corrected > 0 { publisher.wake() }
        return max(released, corrected)
    }

    private func release(
        _ due: [ParkedStore.Due], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [ScoringMessage] {
        let events = due.compactMap { record -> (record: ParkedStore.Due, event: TrackingEvent)? in
            guard case .event(let event) = TrackingEventReader.read(record.payload[...]) else { return nil }
            return (record, event)
        }
        let facts = try IntakeFacts(events.map(\.event), registersUnknown: false, in: transaction)
        var intake = IntakeFold(facts, at: now)
        for (record, event) in events {
            intake.take(
                event, at: record.position, payload: record.payload[...], as: record.isOverdue ? .overdue : .released,
                parkedAt: record.parkedAt)
        }
        return try ScoringStage.price(intake, book: book, in: transaction).save(in: transaction)
    }
}
