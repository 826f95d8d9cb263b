public import Domain
import Outbox
public import Postgres

/// One round of keeping what the policies say: months are made ahead, those that are past their policy dropped, and
/// messages forgotten that are on their topics for long, and notifications that were told long ago.
public struct RetentionRun: Sendable {
    /// Whole months behind the present one that are there before anything occurs in them.
    public static let monthsAhead: Int32 = 2
    /// Messages of a lane, or notifications, that one transaction forgets.
    private static let prunedRows = 5_000

    /// The partitions that went, with their rows.
    public private(set) var dropped: [(name: String, rows: Int64)] = []
    /// Messages that were forgotten.
    public private(set) var prunedMessages = 0
    /// Notifications that were forgotten.
    public private(set) var prunedNotifications = 0

    /// Each step in a transaction of its own: whoever comes second finds nothing to do.
    public static func once(on pool: PostgresPool, at now: Timestamp) async throws(PostgresError) -> RetentionRun {
        var run = RetentionRun()
        let (months, policies) = try await pool.transaction { transaction throws(PostgresError) in
            try MonthStore.make(RetentionRun.ahead(of: now), in: transaction)
            return (
                try MonthStore.all(in: transaction), try RetentionPolicyStore.all(in: transaction)
            )
        }
        for month in months where month.dueAt <= now {
            let rows = try await pool.transaction { transaction throws(PostgresError) in
                try MonthStore.drop(month, in: transaction)
            }
            run.dropped.append((month.name, rows))
        }
        run.prunedMessages = try await prune(policies[.outbox], on: pool, at: now) {
            moment, transaction throws(PostgresError) in
            try OutboxStore.prune(writtenBefore: moment, limit: prunedRows, in: transaction)
        }
        run.prunedNotifications = try await prune(policies[.notification], on: pool, at: now) {
            moment, transaction throws(PostgresError) in
            try NotificationStore.prune(toldBefore: moment, limit: prunedRows, in: transaction)
        }
        return run
    }

    /// - Returns: how many went, a transaction at a time.
    private static func prune(
        _ keepDays: Int32?, on pool: PostgresPool, at now: Timestamp,
        _ forget: @escaping @Sendable (Timestamp, borrowing Transaction) throws(PostgresError) -> Int
    ) async throws(PostgresError) -> Int {
        guard let keepDays else { return 0 }
        var (all, pruned) = (0, 0)
        repeat {
            pruned = try await pool.transaction { transaction throws(PostgresError) in
                try forget(now.adding(days: -keepDays), transaction)
            }
            all += pruned
        } while pruned > 0
        return all
    }

    /// The first days of the present month and of those behind it.
    public static func ahead(of now: Timestamp) -> [Int32] {
        let present = CivilDate(daysSinceEpoch: now.day).firstOfMonth
        return (0...monthsAhead).map { present.adding(months: $0).daysSinceEpoch }
    }
}
