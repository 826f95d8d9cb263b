public import Domain
public import Postgres

/// Commissions between their recording and a payout.
public enum CommissionStore {
    /// How many commissions took which way.
    public struct Count: Hashable, Sendable {
        public var approved = 0
        public var held = 0

        public init() {}
    }

    private struct Judged {
        let conversionID: Identifier
        let affiliateID: String
        let currency: Currency
        let amountMinor: Int64
        let decision: CommissionDecision
    }

    /// Pending commissions whose hold is over and that were judged, longest due first.
    public static func due(
        at now: Timestamp, maximum: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier] {
        try transaction.query(
            """
            SELECT c.conversion_id FROM commission c JOIN fraud_conversion f USING (conversion_id)
            WHERE c.status = 'pending' AND c.hold_until <= $1 ORDER BY c.hold_until LIMIT $2
            """, .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch), .int8(Int64(maximum))
        ) { row throws(PostgresError) in try row.identifier(0) }
    }

    /// Approves what was judged clear and whose hold is over, its money becoming payable, and holds what was not.
    ///
    /// What is not pending, not judged or not due stays as it is, so a second call changes nothing.
    public static func decide(
        _ conversionIDs: [Identifier], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Count {
        var count = Count()
        guard !conversionIDs.isEmpty else { return count }
        let judged = try lockJudged(conversionIDs, at: now, in: transaction)
        guard !judged.isEmpty else { return count }
        let approved = judged.filter { $0.decision == .approve }
        try transaction.run(
            """
            UPDATE commission c SET status = d.status
            FROM unnest($1::uuid[], $2::text[]) AS d (conversion_id, status) WHERE c.conversion_id = d.conversion_id
            """, .uuids(judged.map(\.conversionID.value)), .texts(judged.map(\.decision.status.rawValue)))
        try LedgerStore.append(approvals(of: approved), in: transaction, at: now)
        count.approved = approved.count
        count.held = judged.count - approved.count
        return count
    }

    private static func lockJudged(
        _ conversionIDs: [Identifier], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Judged] {
        try transaction.query(
            """
            SELECT c.conversion_id, c.affiliate_id, c.currency, c.amount_minor - c.reversed_minor, f.verdict,
                a.fraud_verdict
            FROM commission c
            JOIN fraud_conversion f USING (conversion_id)
            JOIN affiliate a ON a.affiliate_id = c.affiliate_id
            WHERE c.conversion_id = ANY ($1::uuid[]) AND c.status = 'pending'
                AND (c.hold_until <= $2 OR f.verdict <> 'clear')
            ORDER BY c.conversion_id FOR UPDATE OF c
            """, .uuids(conversionIDs.map(\.value)),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in
            // An unknown verdict must not pay: the strictest stands in for it.
            let decision = CommissionDecision(
                conversion: FraudVerdict(rawValue: try row.text(4)) ?? .hold,
                affiliate: FraudVerdict(rawValue: try row.text(5)) ?? .hold)
            return Judged(
                conversionID: try row.identifier(0), affiliateID: try row.text(1), currency: try row.currency(2),
                amountMinor: try row.int8(3), decision: decision)
        }
    }

    /// One transaction per affiliate; its name is that of its first conversion, which is approved only once.
    private static func approvals(of approved: [Judged]) -> [LedgerTransaction] {
        Dictionary(grouping: approved, by: \.affiliateID).sorted { $0.key < $1.key }.compactMap { affiliateID, judged in
            var sums: [Currency: Int64] = [:]
            for commission in judged where commission.amountMinor > 0 {
                sums[commission.currency, default: 0] += commission.amountMinor
            }
            guard let first = judged.first, !sums.isEmpty else { return nil }
            return LedgerTransaction(
                key: "approval:\(affiliateID):\(first.conversionID)", kind: "approval", inputHash: first.conversionID,
                postings: sums.sorted { $0.key < $1.key }.map { currency, amountMinor in
                    Posting(
                        affiliateID: affiliateID, currency: currency, debit: .pending, credit: .payable,
                        amountMinor: amountMinor)
                })
        }
    }
}
