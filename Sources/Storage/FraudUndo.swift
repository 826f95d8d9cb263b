public import Domain
public import Postgres

/// Takes decisions about cases back, while that is still possible.
public enum FraudUndo {
    /// What became of it, in the order in which it is checked.
    public enum Outcome: Hashable, Sendable {
        /// - Parameters:
        ///   - cases: which are as they were.
        ///   - approved: commissions that became payable meanwhile; no payout takes them while their affiliate is held.
        case done(cases: [Int64], approved: Int64)
        case notFound
        case undoneBefore
        /// The bound of time is over, or the engine's state has the decision in it.
        case tooLate
        /// Somebody decided about one of the cases since.
        case decidedSince
        /// A version of the model learnt from it.
        case learntFrom
        /// What was held is in a payout, or was approved: the sums of that.
        case moneyMoved([Money])
    }

    private struct Decision {
        let caseID: Int64
        let affiliateID: String
        let at: Timestamp
        let isUndone: Bool
        let isSealed: Bool
    }

    /// Puts cases, verdicts of conversions, held commissions, and what the engine and the model learn from back to what
    /// they were before a decision. All of it or nothing.
    ///
    /// - Parameter batchID: of what was decided together.
    public static func undo(
        _ batchID: Identifier, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Outcome {
        let decisions = try transaction.query(
            """
            SELECT d.fraud_case_id, d.affiliate_id, d.decided_at, d.undone_at IS NOT NULL, d.sealed
            FROM fraud_decision d JOIN fraud_case c USING (fraud_case_id)
            WHERE d.batch_id = $1 ORDER BY c.fraud_case_id FOR UPDATE OF c, d
            """, .uuid(batchID.value)
        ) { row throws(PostgresError) in
            Decision(
                caseID: try row.int8(0), affiliateID: try row.text(1),
                at: Timestamp(microsecondsSinceEpoch: try row.timestamp(2)), isUndone: try row.bool(3),
                isSealed: try row.bool(4))
        }
        guard let first = decisions.first else { return .notFound }
        if first.isUndone { return .undoneBefore }
        let end = first.at.adding(seconds: FraudDecisionStore.undoSeconds)
        if now > end || decisions.contains(where: \.isSealed) { return .tooLate }
        if try isFollowed(batchID, in: transaction) { return .decidedSince }
        if try isLearnt(since: first.at, in: transaction) { return .learntFrom }
        let affiliateIDs = Set(decisions.map(\.affiliateID)).sorted()
        let moved = try moved(batchID, affiliateIDs, since: first.at, in: transaction)
        guard moved.isEmpty else { return .moneyMoved(moved) }
        try restoreCases(batchID, at: now, in: transaction)
        try restoreConversions(batchID, in: transaction)
        _ = try FraudCaseStore.agree(affiliateIDs, in: transaction)
        try hold(batchID, by: actor, at: now, in: transaction)
        try reopenAppeals(batchID, in: transaction)
        try transaction.run(
            "UPDATE fraud_decision SET undone_at = $2, undone_by = $3 WHERE batch_id = $1", .uuid(batchID.value),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch), .text(actor))
        let approved = try approved(of: affiliateIDs, since: first.at, in: transaction)
        return .done(cases: decisions.map(\.caseID), approved: approved)
    }

    private static func isFollowed(
        _ batchID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.query(
            """
            SELECT EXISTS (
                SELECT FROM fraud_decision d JOIN fraud_decision l USING (fraud_case_id)
                WHERE d.batch_id = $1 AND l.fraud_decision_id > d.fraud_decision_id AND l.undone_at IS NULL)
            """, .uuid(batchID.value)
        ) { row throws(PostgresError) in try row.bool(0) }.first ?? true
    }

    private static func isLearnt(
        since moment: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.query(
            "SELECT EXISTS (SELECT FROM fraud_model WHERE made_at >= $1)",
            .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in try row.bool(0) }.first ?? true
    }

    /// What was let go and waits no more, and payouts that the hold had stopped.
    private static func moved(
        _ batchID: Identifier, _ affiliateIDs: [String], since moment: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Money] {
        // Whoever approves one of them now waits, or was before.
        _ = try transaction.run(
            """
            SELECT 1 FROM commission c JOIN fraud_decision_release r USING (commission_id)
            WHERE r.batch_id = $1 ORDER BY c.commission_id FOR UPDATE OF c
            """, .uuid(batchID.value))
        return try transaction.query(
            """
            SELECT currency, sum(minor)::int8 FROM (
                SELECT c.currency, c.amount_minor - c.reversed_minor AS minor
                FROM commission c JOIN fraud_decision_release r USING (commission_id)
                WHERE r.batch_id = $1 AND c.status NOT IN ('pending', 'held', 'reversed')
                UNION ALL
                SELECT currency, amount_minor FROM payout
                WHERE affiliate_id = ANY ($2::text[]) AND created_at > $3
                    AND state NOT IN ('rejected', 'canceled')) AS moved
            GROUP BY currency ORDER BY currency
            """, .uuid(batchID.value), .texts(affiliateIDs),
            .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in Money(minorUnits: try row.int8(1), currency: try row.currency(0)) }
    }

    /// A case of the same kind that was opened since makes room for the one that was decided: the engine's next look
    /// adds to that what is new.
    private static func restoreCases(
        _ batchID: Identifier, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            UPDATE fraud_case n SET status = 'withdrawn', last_seen_at = $2
            FROM fraud_decision d JOIN fraud_case c USING (fraud_case_id)
            WHERE d.batch_id = $1 AND d.prior ->> 'status' = 'open' AND n.affiliate_id = c.affiliate_id
                AND n.kind = c.kind AND n.status = 'open' AND n.fraud_case_id <> c.fraud_case_id
            """, .uuid(batchID.value), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
        try transaction.run(
            """
            UPDATE fraud_case c
            SET status = b.status, reason = b.reason, decided_by = b.decided_by, decided_at = b.decided_at,
                decided_day = b.decided_day
            FROM fraud_decision d CROSS JOIN LATERAL jsonb_populate_record(NULL::fraud_case, d.prior) AS b
            WHERE d.batch_id = $1 AND c.fraud_case_id = d.fraud_case_id
            """, .uuid(batchID.value))
    }

    private static func restoreConversions(
        _ batchID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            UPDATE fraud_conversion f SET verdict = e.verdict, decided = e.decided
            FROM fraud_decision_effect e JOIN fraud_decision d USING (fraud_decision_id)
            WHERE d.batch_id = $1 AND f.conversion_id = e.conversion_id
            """, .uuid(batchID.value))
    }

    private static func hold(
        _ batchID: Identifier, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let held = try transaction.query(
            """
            UPDATE commission c SET status = 'held', hold_until = r.hold_until
            FROM fraud_decision_release r
            WHERE r.batch_id = $1 AND c.commission_id = r.commission_id AND c.status = 'pending'
            RETURNING c.commission_id
            """, .uuid(batchID.value)
        ) { row throws(PostgresError) in try row.identifier(0) }
        try CommissionHistory.append(
            held.sorted().map {
                CommissionChange(
                    commissionID: $0, from: .pending, to: .held, actor: actor,
                    reason: "the dismissal of the fraud case was undone")
            }, at: now, in: transaction)
    }

    /// What was decided by accepting an appeal waits for another answer, unless the affiliate appealed anew.
    private static func reopenAppeals(
        _ batchID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            UPDATE appeal a SET status = 'open', answer = NULL, answered_by = NULL, answered_at = NULL, batch_id = NULL
            WHERE batch_id = $1 AND NOT EXISTS (
                SELECT FROM appeal o WHERE o.affiliate_id = a.affiliate_id AND o.status = 'open'
                    AND COALESCE(o.commission_id::text, o.event_id, '')
                        = COALESCE(a.commission_id::text, a.event_id, ''))
            """, .uuid(batchID.value))
    }

    private static func approved(
        of affiliateIDs: [String], since moment: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int64 {
        try transaction.query(
            """
            SELECT count(*) FROM commission c JOIN commission_event e USING (commission_id)
            WHERE c.affiliate_id = ANY ($1::text[]) AND c.status = 'approved' AND e.to_status = 'approved'
                AND e.at > $2
            """, .texts(affiliateIDs), .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in try row.int8(0) }.first ?? 0
    }
}
