public import Domain
public import Events
public import Postgres

/// A payout that was requested and has no attempt yet.
public struct RequestedPayout: Sendable {
    public let payout: PayoutRecord
    /// What lies on the affiliate's account at the provider and belongs to no other payout; minor units, 0 or more.
    public let connectedFreeMinor: Int64

    public init(payout: PayoutRecord, connectedFreeMinor: Int64) {
        self.payout = payout
        self.connectedFreeMinor = connectedFreeMinor
    }
}

extension PayoutStore {
    /// Those of `requests` whose payouts the books do not have, though they had them when they were requested: the
    /// database is one from before. Their affiliates get nothing more until people have looked, as the money may be
    /// theirs already.
    ///
    /// - Returns: how many.
    public static func reportLost(
        _ requests: [PayoutRequested], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        let lost = Set(
            try transaction.query(
                """
                SELECT r.payout_id FROM unnest($1::uuid[]) AS r (payout_id)
                WHERE NOT EXISTS (SELECT FROM payout p WHERE p.payout_id = r.payout_id)
                """, .uuids(requests.map(\.payoutID.value))
            ) { row in try row.identifier(0) })
        try BreakStore.open(
            requests.filter { lost.contains($0.payoutID) }.map { request in
                ReconciliationBreak(
                    kind: .missingInLedger, payoutID: nil, objectID: request.payoutID.description,
                    detail: "a payout was requested that the books do not have: are they restored ones?",
                    affiliateID: request.affiliateID, amount: request.amount)
            }, at: now, in: transaction)
        return lost.count
    }

    /// Locks those of `payoutIDs` that are reserved and were never attempted, with the money that earlier payouts left
    /// on their affiliates' accounts.
    ///
    /// A live payout with attempts uses its amount of that money, less what its own transfer is still to bring.
    public static func lockRequested(
        _ payoutIDs: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [RequestedPayout] {
        let payouts = try lock(payoutIDs, in: transaction)
        let attempted = Set(
            try transaction.query(
                "SELECT DISTINCT payout_id FROM payout_attempt WHERE payout_id = ANY ($1::uuid[])",
                .uuids(payoutIDs.map(\.value))
            ) { row in try row.identifier(0) })
        let fresh = payouts.filter { $0.state == .reserved && !attempted.contains($0.payoutID) }
        let free = try connectedFree(of: fresh, in: transaction)
        return fresh.map { payout in
            RequestedPayout(payout: payout, connectedFreeMinor: max(0, free[payout.payoutID] ?? 0))
        }
    }

    /// What came to the account of each payout, less what went on to a bank and what other payouts are about to send.
    ///
    /// By account and not by affiliate: what lies on an account that the affiliate gave up cannot be paid from the new.
    private static func connectedFree(
        of payouts: [PayoutRecord], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier: Int64] {
        let rows = try transaction.query(
            """
            SELECT f.payout_id, (
                SELECT COALESCE(sum(
                    COALESCE((
                        SELECT sum(t.amount_minor) FROM payout_attempt t
                        WHERE t.payout_id = p.payout_id AND t.operation = 'transfer'
                            AND t.state IN ('prepared', 'sending', 'unknown', 'accepted')
                            AND (t.state = 'accepted' OR p.state = ANY ($2::text[]))), 0)
                    - CASE WHEN p.state = ANY ($2::text[] || $3::text[]) THEN p.amount_minor ELSE 0 END), 0)::int8
                FROM payout p
                WHERE p.affiliate_id = f.affiliate_id AND p.currency = f.currency AND p.destination = f.destination
                    AND EXISTS (SELECT FROM payout_attempt x WHERE x.payout_id = p.payout_id))
            FROM payout f WHERE f.payout_id = ANY ($1::uuid[])
            """, .uuids(payouts.map(\.payoutID.value)), .texts(aboutToLeave), .texts(gone)
        ) { row in
            (payoutID: try row.identifier(0), free: try row.int8(1))
        }
        return Dictionary(rows.map { ($0.payoutID, $0.free) }) { first, _ in first }
    }

    /// The states of a payout whose amount is still to leave its account, maybe behind its own transfer.
    private static let aboutToLeave = [PayoutState.reserved, .submitting, .unknown, .manual, .declined].map(\.rawValue)
    /// The states of a payout whose amount has left its account.
    private static let gone = [PayoutState.submitted, .canceling, .inTransit, .paid, .final].map(\.rawValue)
}
