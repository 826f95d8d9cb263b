public import Domain
public import Logging
public import Outbox
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// What the planner does by time: approve the commissions whose hold is over, and plan the payouts of the calendar.
public struct PayoutPlanningTimer: Service {
    public static let lane = Lane(emitter: PayoutPlanningStage.group)
    /// Commissions or payouts of one transaction.
    static let chunkRows = 500

    private let pool: PostgresPool
    private let publisher: LanePublisher
    private let calendar: PayoutCalendar
    private let pulse: Pulse
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger

    public init(
        pool: PostgresPool, publisher: LanePublisher, calendar: PayoutCalendar, every interval: Duration,
        clock: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.pool = pool
        self.publisher = publisher
        self.calendar = calendar
        pulse = Pulse(every: interval)
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        try await pulse.run("planning waits", logger) { () throws(PostgresError) in try await runOnce() }
    }

    /// Everything that is due now.
    public func runOnce() async throws(PostgresError) {
        while try await approve() == PayoutPlanningTimer.chunkRows {}
        while try await plan() == PayoutPlanningTimer.chunkRows {}
    }

    /// - Returns: how many commissions were looked at.
    private func approve() async throws(PostgresError) -> Int {
        let now = clock()
        return try await pool.transaction { (transaction) throws(PostgresError) in
            let due = try CommissionStore.due(at: now, maximum: PayoutPlanningTimer.chunkRows, in: transaction)
            _ = try CommissionStore.decide(due, at: now, in: transaction)
            return due.count
        }
    }

    /// - Returns: how many payouts were made.
    private func plan() async throws(PostgresError) -> Int {
        let now = clock()
        guard let start = calendar.periodStart(of: now) else { return 0 }
        let batchKey = "\(calendar.rawValue):\(start.text)"
        let earnedBefore = calendar.earnedBefore(at: now)
        let planned = try await pool.transaction { (transaction) throws(PostgresError) in
            try PayoutRunStore.step(
                batchKey: batchKey, at: now, submittedBy: PayoutPlanningStage.group, lane: PayoutPlanningTimer.lane,
                earnedBefore: earnedBefore, maximum: PayoutPlanningTimer.chunkRows, in: transaction)
        }
        guard !planned.isEmpty else { return 0 }
        publisher.wake()
        logger.info("payouts planned", metadata: [LogKey.count: "\(planned.count)", LogKey.batch: "\(batchKey)"])
        return planned.count
    }
}
