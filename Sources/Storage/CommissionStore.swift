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
        let commissionID: Identifier
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

    /// Approves what was judged clear and whose hold is over, its money becoming payable less what the affiliate owes,
    /// and holds what was not.
    ///
    /// What is not pending, not judged or not due stays as it is, so a second call changes nothing.
    ///
    /// - Parameter conversionIDs: all commissions of these are decided.
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
            FROM unnest($1::uuid[], $2::text[]) AS d (commission_id, status) WHERE c.commission_id = d.commission_id
            """, .uuids(judged.map(\.commissionID.value)), .texts(judged.map(\.decision.status.rawValue)))
        try addVolumes(approved, in: transaction)
        let balances = try RefundLoad.balances(Set(approved.map(\.affiliateID)).sorted(), in: transaction)
        let transactions = approvals(of: approved, balances, at: now)
        try LedgerStore.append(Array(transactions.values).sorted { $0.key < $1.key }, in: transaction, at: now)
        try CommissionHistory.append(
            judged.map { judged in
                CommissionChange(
                    commissionID: judged.commissionID, from: .pending, to: judged.decision.status, actor: "planner",
                    reason: judged.decision.reason,
                    transactionID: judged.decision == .approve && judged.amountMinor > 0
                        ? transactions[judged.affiliateID]?.transactionID : nil)
            }, at: now, in: transaction)
        count.approved = approved.count
        count.held = judged.count - approved.count
        return count
    }

    /// A commission that waits again.
    struct Released {
        let commissionID: Identifier
        let holdUntil: Timestamp
    }

    /// Lets commissions wait again that were held and that no verdict is against any more; whoever decides about what
    /// is due, decides about them.
    ///
    /// - Parameters:
    ///   - affiliateIDs: of the commissions, or of their conversions.
    ///   - earliest: before it they are not due; nil: when they were.
    /// - Returns: which, with when their hold ended before.
    @discardableResult
    static func release(
        of affiliateIDs: [String], notDueBefore earliest: Timestamp?, by actor: String, because reason: String,
        at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Released] {
        guard !affiliateIDs.isEmpty else { return [] }
        let released = try transaction.query(
            """
            UPDATE commission c SET status = 'pending', hold_until = GREATEST(c.hold_until, $2)
            FROM (
                SELECT h.commission_id, h.hold_until FROM commission h
                JOIN fraud_conversion f USING (conversion_id) JOIN affiliate a ON a.affiliate_id = h.affiliate_id
                WHERE h.status = 'held' AND (h.affiliate_id = ANY ($1::text[]) OR f.affiliate_id = ANY ($1::text[]))
                    AND f.verdict = 'clear' AND a.fraud_verdict <> 'hold'
                ORDER BY h.commission_id FOR UPDATE OF h) AS r
            WHERE c.commission_id = r.commission_id RETURNING c.commission_id, r.hold_until
            """, .texts(affiliateIDs), .optionalTimestamp(earliest?.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in
            Released(
                commissionID: try row.identifier(0),
                holdUntil: Timestamp(microsecondsSinceEpoch: try row.timestamp(1)))
        }
        try CommissionHistory.append(
            released.map(\.commissionID).sorted().map {
                CommissionChange(commissionID: $0, from: .held, to: .pending, actor: actor, reason: reason)
            }, at: now, in: transaction)
        return released
    }

    /// Lets go what no verdict is against any more, due when it was.
    public static func release(
        of affiliateIDs: [String], by actor: String, because reason: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try release(
            of: affiliateIDs, notDueBefore: nil, by: actor, because: reason, at: now, in: transaction)
    }

    private static func lockJudged(
        _ conversionIDs: [Identifier], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Judged] {
        // Written so that no index of pending commissions can serve it: PostgreSQL would walk all of them.
        try transaction.query(
            """
            SELECT c.commission_id, c.affiliate_id, c.currency, c.amount_minor - c.reversed_minor, f.verdict,
                a.fraud_verdict
            FROM commission c
            JOIN fraud_conversion f USING (conversion_id)
            JOIN affiliate a ON a.affiliate_id = c.affiliate_id
            WHERE c.commission_id = ANY (ARRAY(
                    SELECT unnest($1::uuid[])
                    UNION SELECT m.commission_id FROM commission m
                    WHERE m.conversion_id = ANY ($1::uuid[]) AND m.commission_id <> m.conversion_id))
                AND c.status || '' = 'pending' AND (c.hold_until <= $2 OR f.verdict <> 'clear')
            ORDER BY c.commission_id FOR UPDATE OF c
            """, .uuids(conversionIDs.map(\.value)),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in
            // An unknown verdict must not pay: the strictest stands in for it.
            let decision = CommissionDecision(
                conversion: FraudVerdict(rawValue: try row.text(4)) ?? .hold,
                affiliate: FraudVerdict(rawValue: try row.text(5)) ?? .hold)
            return Judged(
                commissionID: try row.identifier(0), affiliateID: try row.text(1), currency: try row.currency(2),
                amountMinor: try row.int8(3), decision: decision)
        }
    }

    /// Adds the orders of commissions to the volumes that tiers look at: once for an affiliate, however often its
    /// commission is approved, and however often a correction put another in its place.
    private static func addVolumes(
        _ approved: [Judged], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !approved.isEmpty else { return }
        try transaction.run(
            """
            INSERT INTO approved_volume AS v (program_id, affiliate_id, currency, month, volume_minor)
            SELECT m.program_id, m.affiliate_id, c.currency,
                date_trunc('month', c.occurred_at AT TIME ZONE 'UTC')::date, sum(c.amount_minor)
            FROM commission m JOIN conversion c USING (conversion_id)
            WHERE m.commission_id = ANY ($1::uuid[]) AND m.tier = 1 AND NOT EXISTS (
                SELECT FROM commission f JOIN commission_event e USING (commission_id)
                WHERE (f.commission_id = m.conversion_id
                        OR f.conversion_id = m.conversion_id AND f.commission_id <> f.conversion_id)
                    AND f.affiliate_id = m.affiliate_id AND f.tier = 1 AND e.to_status = 'approved')
            GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
            ON CONFLICT (program_id, affiliate_id, currency, month)
            DO UPDATE SET volume_minor = v.volume_minor + excluded.volume_minor
            """, .uuids(approved.map(\.commissionID.value)))
    }

    /// One transaction per affiliate; its name has the moment too, as a commission that was reversed may be approved
    /// once more.
    private static func approvals(
        of approved: [Judged], _ balances: [AccountKey: FreeMoney], at now: Timestamp
    ) -> [String: LedgerTransaction] {
        Dictionary(grouping: approved, by: \.affiliateID).compactMapValues { judged in
            var sums: [Currency: Int64] = [:]
            for commission in judged where commission.amountMinor > 0 {
                sums[commission.currency, default: 0] += commission.amountMinor
            }
            guard let first = judged.first, !sums.isEmpty else { return nil }
            let postings = sums.sorted { $0.key < $1.key }.flatMap { currency, amountMinor in
                let key = AccountKey(affiliateID: first.affiliateID, currency: currency)
                return CommissionApproval.postings(
                    affiliateID: first.affiliateID, currency: currency, amountMinor: amountMinor,
                    owedMinor: balances[key]?.owedMinor ?? 0)
            }
            return LedgerTransaction(
                key: "approval:\(first.affiliateID):\(first.commissionID):\(now.microsecondsSinceEpoch)",
                kind: "approval", inputHash: first.commissionID, postings: postings)
        }
    }
}

extension CommissionDecision {
    /// In the words of a commission's history.
    fileprivate var reason: String {
        switch self {
        case .approve: "hold is over, nothing against it"
        case .hold: "a fraud verdict is against it"
        }
    }
}
