public import Domain
import Outbox
public import Postgres

/// One round of keeping what the policies say: months are made ahead, those that are past their policy dropped, and
/// messages forgotten that are on their topics for long.
public struct RetentionRun: Sendable {
    /// Whole months behind the present one that are there before anything occurs in them.
    public static let monthsAhead: Int32 = 2
    /// Messages of a lane that one transaction forgets.
    private static let prunedRows = 5_000

    /// The partitions that went, with their rows.
    public private(set) var dropped: [(name: String, rows: Int64)] = []
    /// Messages that were forgotten.
    public private(set) var prunedMessages = 0

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
        guard let keepDays = policies[.outbox] else { return run }
        var pruned: Int
        repeat {
            pruned = try await pool.transaction { transaction throws(PostgresError) in
                try OutboxStore.prune(
                    writtenBefore: now.adding(days: -keepDays), limit: prunedRows, in: transaction)
            }
            run.prunedMessages += pruned
        } while pruned > 0
        return run
    }

    /// The first days of the present month and of those behind it.
    public static func ahead(of now: Timestamp) -> [Int32] {
        let present = CivilDate(daysSinceEpoch: now.day).firstOfMonth
        return (0...monthsAhead).map { present.adding(months: $0).daysSinceEpoch }
    }
}
