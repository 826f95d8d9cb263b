public import Domain
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
            RequestedPayout(
                payout: payout,
                connectedFreeMinor: max(0, free[[payout.affiliateID, payout.amount.currency.code]] ?? 0))
        }
    }

    private static func connectedFree(
        of payouts: [PayoutRecord], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [[String]: Int64] {
        let rows = try transaction.query(
            """
            SELECT b.affiliate_id, b.currency, b.connected - COALESCE((
                SELECT sum(p.amount_minor - COALESCE((
                    SELECT t.amount_minor FROM payout_attempt t
                    WHERE t.payout_id = p.payout_id AND t.operation = 'transfer'
                        AND t.state IN ('prepared', 'sending', 'unknown')), 0))
                FROM payout p
                WHERE p.affiliate_id = b.affiliate_id AND p.currency = b.currency
                    AND p.state IN ('reserved', 'submitting', 'unknown', 'manual', 'declined')
                    AND EXISTS (SELECT FROM payout_attempt x WHERE x.payout_id = p.payout_id)), 0)::int8
            FROM affiliate_balance b
            WHERE b.affiliate_id = ANY ($1::text[])
            """, .texts(payouts.map(\.affiliateID))
        ) { row in
            (key: [try row.text(0), try row.text(1)], free: try row.int8(2))
        }
        return Dictionary(rows.map { ($0.key, $0.free) }) { first, _ in first }
    }
}
