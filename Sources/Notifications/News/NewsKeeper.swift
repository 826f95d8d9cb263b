public import Domain
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// Looks, again and again, for what nothing on a topic tells of: payouts that were sent or got lost sight of, breaks,
/// held partitions, reversals of a day, statements, the week.
///
/// Any number may look: news have ids, and what is read from a position on is read by one at a time.
public struct NewsKeeper: Service {
    /// How long a provider may owe an answer before a person hears of it.
    static let unknownSeconds: Int64 = 3_600
    /// No transaction is open for longer, so that behind an event so old no lower id appears.
    static let settledSeconds: Int64 = 600

    private let pool: PostgresPool
    private let pulse: Pulse
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger

    public init(
        pool: PostgresPool, pulse: Pulse = Pulse(every: .seconds(30)),
        clock: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.pool = pool
        self.pulse = pulse
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        try await pulse.run("news wait", logger) { () throws(PostgresError) in _ = try await runOnce() }
    }

    /// Tells what is new.
    /// - Returns: how many notifications that made.
    public func runOnce() async throws(PostgresError) -> Int {
        let now = clock()
        var told = try await tell(at: now) { transaction throws(PostgresError) in
            try NewsStore.unknownPayouts(before: now.adding(seconds: -NewsKeeper.unknownSeconds), in: transaction)
                .map(NewNotification.unknown)
                + (try NewsStore.openBreaks(in: transaction).map(NewNotification.about))
                + (try NewsStore.heldPartitions(in: transaction).map(NewNotification.about))
        }
        told += try await tellSentPayouts(at: now)
        told += try await tell(at: now) { transaction throws(PostgresError) in
            try NewsKeeper.statements(in: transaction)
        }
        told += try await tell(at: now) { transaction throws(PostgresError) in
            try NewsKeeper.reversals(until: now.day - 1, in: transaction)
        }
        told += try await tell(at: now) { transaction throws(PostgresError) in
            try NewsKeeper.week(today: now.day, in: transaction)
        }
        return told
    }

    private func tell(
        at now: Timestamp,
        _ find: @escaping @Sendable (borrowing Transaction) throws(PostgresError) -> [NewNotification]
    ) async throws(PostgresError) -> Int {
        return try await pool.transaction { transaction throws(PostgresError) in
            try NotificationStore.insert(find(transaction), at: now, in: transaction)
        }
    }

    /// Young events are read again in the next round: ids are given before commits, so that one may still be missing.
    private func tellSentPayouts(at now: Timestamp) async throws(PostgresError) -> Int {
        let settled = now.adding(seconds: -NewsKeeper.settledSeconds)
        return try await pool.transaction { transaction throws(PostgresError) in
            guard var position = try NewsStore.position(of: .payoutEvent, in: transaction) else { return 0 }
            let start = position
            var (last, told, payouts) = (position, 0, [NewsStore.Payout]())
            repeat {
                payouts = try NewsStore.sentPayouts(after: last, in: transaction)
                last = payouts.last?.eventID ?? last
                position = payouts.last { $0.at < settled }?.eventID ?? position
                told += try NotificationStore.insert(
                    payouts.map(NewNotification.sent), at: now, in: transaction)
            } while payouts.count == Int(NewsStore.rowsMaximum)
            if position > start { try NewsStore.advance(.payoutEvent, to: position, in: transaction) }
            return told
        }
    }

    private static func statements(in transaction: borrowing Transaction) throws(PostgresError) -> [NewNotification] {
        guard let position = try NewsStore.position(of: .accountingPeriod, in: transaction) else { return [] }
        let statements = try NewsStore.statements(closedAfter: position, in: transaction)
        guard let last = statements.map(\.closedAt).max() else { return [] }
        try NewsStore.advance(.accountingPeriod, to: last.microsecondsSinceEpoch, in: transaction)
        return Dictionary(grouping: statements) { [$0.affiliateID, String($0.month)] }.values
            .map(NewNotification.about(statements:))
    }

    /// A day at a time, once it is over.
    private static func reversals(
        until yesterday: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [NewNotification] {
        guard let position = try NewsStore.position(of: .commissionDay, in: transaction), position < yesterday else {
            return []
        }
        let day = Int32(clamping: position + 1)
        try NewsStore.advance(.commissionDay, to: Int64(day), in: transaction)
        return Dictionary(grouping: try NewsStore.reversals(on: day, in: transaction), by: \.affiliateID).values
            .map { NewNotification.about(reversals: $0, on: day) }
    }

    /// The week that ended, once a new one began on a Monday (UTC).
    private static func week(
        today: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [NewNotification] {
        // 1970-01-01 was a Thursday.
        let monday = today - (today + 3) % 7
        guard let position = try NewsStore.position(of: .week, in: transaction), position < monday else { return [] }
        try NewsStore.advance(.week, to: Int64(monday), in: transaction)
        let earnings = Dictionary(
            grouping: try NewsStore.earnings(from: monday - 7, to: monday - 1, in: transaction), by: \.affiliateID)
        return try NewsStore.traffic(from: monday - 7, to: monday - 1, in: transaction).map { line in
            .week(
                from: monday - 7, affiliateID: line.affiliateID, clicks: line.clicks, conversions: line.conversions,
                earnings: earnings[line.affiliateID] ?? [])
        }
    }
}
