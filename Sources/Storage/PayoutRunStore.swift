public import Domain
public import Outbox
public import Postgres

/// The plannings that the calendar asks for, each run to its end once.
public enum PayoutRunStore {
    /// Takes one step of a run: at most `maximum` payouts.
    ///
    /// - Parameter batchKey: names the run.
    /// While all payouts are frozen it takes none, and the run waits.
    /// - Returns: the payouts; fewer than `maximum` end the run, and an ended run has none.
    public static func step(
        batchKey: String, at now: Timestamp, submittedBy: String, lane: Lane, earnedBefore: Timestamp? = nil,
        maximum: Int,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PlannedPayout] {
        let moment = PostgresValue.timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        try transaction.run(
            "INSERT INTO payout_run (batch_key, started_at) VALUES ($1, $2) ON CONFLICT (batch_key) DO NOTHING",
            .text(batchKey), moment)
        let isOpen = try transaction.query(
            "SELECT finished_at IS NULL FROM payout_run WHERE batch_key = $1 FOR UPDATE", .text(batchKey)
        ) { row throws(PostgresError) in try row.bool(0) }
        guard isOpen.first == true, try !PayoutFreezeStore.allAreFrozen(in: transaction) else { return [] }
        let planned = try PayoutStore.plan(
            batchKey: batchKey, at: now, submittedBy: submittedBy, lane: lane, earnedBefore: earnedBefore,
            maximum: maximum, in: transaction)
        if planned.count < maximum {
            try transaction.run(
                "UPDATE payout_run SET finished_at = $2 WHERE batch_key = $1", .text(batchKey), moment)
        }
        return planned
    }
}
