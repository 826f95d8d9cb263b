public import Domain
public import Postgres

/// What became of a person's wish to take a payout back.
public enum PayoutCancellation: Hashable, Sendable {
    case canceled
    /// The provider is asked; what it answers is seen later.
    case asked
    case notFound
    /// It was attempted and its outcome is not known, or it is beyond recall.
    case tooLate(PayoutState)
}

extension PayoutStore {
    /// Takes a payout back: at once while nothing was ever sent for it, by asking the provider once that has it.
    ///
    /// - Parameter reason: kept in the history.
    public static func cancel(
        _ payoutID: Identifier, by actor: String, reason: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> PayoutCancellation {
        guard let payout = try lock([payoutID], in: transaction).first else { return .notFound }
        let isAttempted =
            try !transaction.query(
                "SELECT 1 FROM payout_attempt WHERE payout_id = $1 LIMIT 1", .uuid(payoutID.value)
            ) { row in try row.int4(0) }.isEmpty
        let target: PayoutState
        switch payout.state {
        case .awaitingApproval,
            .reserved where !isAttempted:
            target = .canceled
        case .submitted where payout.provider == "stripe": target = .canceling
        default: return .tooLate(payout.state)
        }
        try move([PayoutMove(payout, to: target, evidence: reason)], actor: actor, at: now, in: transaction)
        return target == .canceled ? .canceled : .asked
    }

    /// Has the provider asked about a payout in the reconciler's next round; that moves no money.
    ///
    /// - Returns: whether there is anything to ask.
    public static func checkNow(
        _ payoutID: Identifier, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.run(
            """
            UPDATE payout SET check_at = $2 WHERE payout_id = $1
                AND state IN ('unknown', 'manual', 'submitted', 'canceling', 'in_transit', 'paid')
            """, .uuid(payoutID.value), .moment(now)) == 1
    }

    /// As `checkNow`, for the payout that a provider has under an id.
    ///
    /// - Returns: whether there is one to ask about.
    public static func checkNow(
        provider: String, objectID: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.run(
            """
            UPDATE payout p SET check_at = $3 FROM payout_attempt a
            WHERE a.provider_object_id = $2 AND a.provider = $1 AND p.payout_id = a.payout_id
                AND p.state IN ('submitted', 'canceling', 'in_transit', 'paid')
            """, .text(provider), .text(objectID), .moment(now)) == 1
    }
}
