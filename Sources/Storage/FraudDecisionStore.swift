public import Domain
public import Postgres

/// What people decided about cases.
public enum FraudDecisionStore {
    /// What became of a decision.
    public enum Outcome: Hashable, Sendable {
        case done
        case notFound
        /// It was decided, or withdrawn, before.
        case notOpen(status: String)
    }

    private struct Case {
        let affiliateID: String
        let kind: String
        let status: String
    }

    /// Decides about a case. Confirmed, it holds its affiliate for good; dismissed, what it was about waits no more,
    /// and what it was seen with is allowed for some time. Either is kept with what was seen, to be learnt from.
    ///
    /// - Parameters:
    ///   - isConfirmed: false to dismiss it, which overturns a confirmed one too.
    ///   - reason: in the words of who decides.
    public static func decide(
        _ caseID: Int64, isConfirmed: Bool, because reason: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Outcome {
        let found = try transaction.query(
            "SELECT affiliate_id, kind, status FROM fraud_case WHERE fraud_case_id = $1 FOR UPDATE", .int8(caseID)
        ) { row throws(PostgresError) in
            Case(affiliateID: try row.text(0), kind: try row.text(1), status: try row.text(2))
        }.first
        guard let found else { return .notFound }
        guard found.status == "open" || found.status == "confirmed" && !isConfirmed else {
            return .notOpen(status: found.status)
        }
        let moment = PostgresValue.timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        try transaction.run(
            """
            WITH judged AS (SELECT max(day) AS day FROM fraud_judgement),
            seen AS (
                SELECT features, model_version FROM fraud_judgement WHERE affiliate_id = $2 ORDER BY day DESC LIMIT 1),
            decided AS (
                UPDATE fraud_case SET status = $3, reason = $4, decided_by = $5, decided_at = $6,
                    decided_day = COALESCE((SELECT day FROM judged), ($6 AT TIME ZONE 'UTC')::date)
                WHERE fraud_case_id = $1 RETURNING decided_day)
            INSERT INTO fraud_decision (fraud_case_id, affiliate_id, day, is_confirmed, reason, features, model_version,
                decided_by, decided_at)
            SELECT $1, $2, decided_day - DATE '1970-01-01', $3 = 'confirmed', $4, features, model_version, $5, $6
            FROM decided LEFT JOIN seen ON true
            """, .int8(caseID), .text(found.affiliateID), .text(isConfirmed ? "confirmed" : "dismissed"),
            .text(reason), .text(actor), moment)
        try transaction.run(
            """
            UPDATE fraud_conversion SET decided = true, verdict = CASE WHEN $3 THEN verdict ELSE 'clear' END
            WHERE affiliate_id = $1 AND kind = $2 AND verdict <> 'clear'
            """, .text(found.affiliateID), .text(found.kind), .bool(isConfirmed))
        _ = try FraudCaseStore.agree([found.affiliateID], in: transaction)
        try CommissionStore.release(
            of: [found.affiliateID], by: actor, because: "the fraud case was dismissed", at: now, in: transaction)
        return .done
    }

    /// Decisions that are not part of the engine's state yet, by the day from whose end on they count, in order.
    public static func unsealed(
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Int32: [FraudDecision]] {
        let decisions = try transaction.query(
            "SELECT day, affiliate_id, is_confirmed FROM fraud_decision WHERE NOT sealed ORDER BY fraud_decision_id"
        ) { row throws(PostgresError) in
            (
                day: try row.int4(0),
                decision: FraudDecision(affiliate: FraudHash.of(try row.text(1)), isConfirmed: try row.bool(2))
            )
        }
        return Dictionary(grouping: decisions, by: \.day).mapValues { $0.map(\.decision) }
    }

    public static func seal(through day: Int32, in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run("UPDATE fraud_decision SET sealed = true WHERE NOT sealed AND day <= $1", .int4(day))
    }
}
