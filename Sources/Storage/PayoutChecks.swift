public import Domain
public import Postgres

/// A payout that the provider should be asked about.
public struct DueCheck: Sendable {
    public let payoutID: Identifier
    public let state: PayoutState
    /// The latest step that was not declined.
    public let operation: PayoutOperation
    public let attemptNumber: Int32
    /// nil while the reply of that step is lost: search instead of fetching. Two people may have named the object.
    public let objectID: String?
    public let account: String
    public let firstSentAt: Timestamp?
}

extension PayoutStore {
    /// Takes payouts whose turn to be checked has come, and sets when they are checked again.
    ///
    /// - Parameter intervalSeconds: between two checks of a payout under way; a paid one is checked once a day.
    public static func takeDueChecks(
        provider: String, intervalSeconds: Int64, limit: Int, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [DueCheck] {
        try transaction.query(
            """
            WITH due AS MATERIALIZED (
                SELECT payout_id FROM payout WHERE check_at <= $1 AND provider = $2
                ORDER BY check_at LIMIT $3 FOR UPDATE SKIP LOCKED
            )
            UPDATE payout p SET check_at = CASE WHEN p.state = 'paid' THEN $5 ELSE $4 END
            FROM due d CROSS JOIN LATERAL (
                SELECT * FROM payout_attempt t WHERE t.payout_id = d.payout_id AND t.state <> 'declined'
                ORDER BY t.payout_attempt_id DESC LIMIT 1
            ) a
            WHERE p.payout_id = d.payout_id
            RETURNING p.payout_id, p.state, a.operation, a.attempt_number, COALESCE(a.provider_object_id, (
                    SELECT r.provider_object_id FROM payout_resolution r
                    WHERE p.state = 'manual' AND r.payout_id = p.payout_id AND r.verdict = 'submitted'
                        AND r.confirmed_at IS NOT NULL
                    ORDER BY r.payout_resolution_id DESC LIMIT 1)), a.account, a.first_sent_at
            """, .moment(now), .text(provider), .int8(Int64(limit)), .moment(now.adding(seconds: intervalSeconds)),
            .moment(now.adding(seconds: max(intervalSeconds, 86_400)))
        ) { row in
            DueCheck(
                payoutID: try row.identifier(0), state: try row.payoutState(1),
                operation: try row.text(2) == PayoutOperation.transfer.rawValue ? .transfer : .payout,
                attemptNumber: try row.int4(3), objectID: try row.textOrNull(4), account: try row.text(5),
                firstSentAt: try row.timestampOrNull(6).map { Timestamp(microsecondsSinceEpoch: $0) })
        }
    }

    /// The accounts whose payouts are at the bank, or may still come back from there.
    ///
    /// - Parameter account: those behind it, in order.
    public static func accountsAtBank(
        provider: String, after account: String, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String] {
        try transaction.query(
            """
            SELECT DISTINCT destination FROM payout
            WHERE check_at IS NOT NULL AND provider = $1 AND destination > $2 ORDER BY destination LIMIT $3
            """, .text(provider), .text(account), .int8(Int64(limit))
        ) { row in try row.text(0) }
    }

    /// Makes payouts final whose time for a bank return is over.
    ///
    /// - Parameter days: how long after arrival a bank may send the money back.
    /// - Returns: how many.
    @discardableResult
    public static func finalize(
        provider: String, after days: Int32, limit: Int, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        let settled = try transaction.query(
            """
            SELECT payout_id FROM payout
            WHERE state = 'paid' AND provider = $4 AND updated_at <= $1 AND COALESCE(arrival_at, updated_at) <= $2
            ORDER BY payout_id LIMIT $3 FOR UPDATE SKIP LOCKED
            """, .moment(now), .moment(now.adding(days: -days)), .int8(Int64(limit)),
            .text(provider)
        ) { row in try row.identifier(0) }
        let payouts = try lock(settled, in: transaction)
        return try move(
            payouts.map { PayoutMove($0, to: .final, evidence: "return window over") }, actor: "poll", at: now,
            in: transaction
        ).count
    }

    /// Opens a break for every payout that has been unknown, or on its way to the bank, for too long, and closes those
    /// whose payouts have moved on.
    public static func reportStale(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) {
        try BreakStore.closeMended(at: now, in: transaction)
        let stale = try transaction.query(
            """
            SELECT payout_id, state FROM payout
            WHERE (state IN ('unknown', 'manual') AND updated_at <= $1)
                OR (state IN ('submitted', 'canceling', 'in_transit') AND COALESCE(arrival_at, updated_at) <= $2)
            ORDER BY updated_at LIMIT 100
            """, .moment(now.adding(seconds: -staleUnknownSeconds)), .moment(now.adding(days: -staleInTransitDays))
        ) { row in (payoutID: try row.identifier(0), state: try row.payoutState(1)) }
        try BreakStore.open(
            stale.map { payout in
                let isOnItsWay = payout.state != .unknown && payout.state != .manual
                return ReconciliationBreak(
                    kind: isOnItsWay ? .staleInTransit : .staleUnknown, payoutID: payout.payoutID, objectID: "",
                    detail: payout.state.rawValue)
            }, at: now, in: transaction)
    }

    private static let staleUnknownSeconds: Int64 = 3_600
    /// Five business days, with holidays, are nine calendar days at worst.
    private static let staleInTransitDays: Int32 = 9
}
