public import Postgres

/// What an affiliate could be paid in one currency now.
public struct PayableBalance: Sendable {
    /// Minor units, after what the affiliate owes; below 0 while it owes more.
    public let freeMinor: Int64
    /// The strictest of the programmes that the money comes from, in minor units.
    public let minimumMinor: Int64
}

extension PayoutStore {
    /// The balance that a planning finds, for who asks why it made nothing of it.
    public static func payable(
        to affiliateID: String, _ currency: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> PayableBalance {
        let found = try transaction.query(
            """
            SELECT b.payable - b.clawback, COALESCE((
                SELECT max(g.minimum_payout_minor) FROM program g
                WHERE g.program_id IN (
                    SELECT c.program_id FROM commission c
                    WHERE c.affiliate_id = b.affiliate_id AND c.currency = b.currency AND c.status = 'approved')), 1)
            FROM affiliate_balance b WHERE b.affiliate_id = $1 AND b.currency = $2
            """, .text(affiliateID), .text(currency)
        ) { row in PayableBalance(freeMinor: try row.int8(0), minimumMinor: try row.int8(1)) }
        return found.first ?? PayableBalance(freeMinor: 0, minimumMinor: 1)
    }
}
