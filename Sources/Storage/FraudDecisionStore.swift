public import Domain
import Events
public import Postgres

/// What a person says about cases.
public struct FraudRuling: Sendable {
    public let isConfirmed: Bool
    /// In the words of who decides.
    public let reason: String
    /// For how long a dismissed look-alike may go on as it was seen; 0: not at all.
    public let allowanceDays: Int32
    public let actor: String
    public let at: Timestamp

    public static let allowanceDaysMaximum: Int32 = 365

    public init(
        isConfirmed: Bool, reason: String, allowanceDays: Int32 = FraudDecision.allowanceDaysStandard,
        actor: String, at: Timestamp
    ) {
        precondition((0...FraudRuling.allowanceDaysMaximum).contains(allowanceDays), "an allowance is bounded")
        self.isConfirmed = isConfirmed
        self.reason = reason
        self.allowanceDays = allowanceDays
        self.actor = actor
        self.at = at
    }
}

/// What people decided about cases.
public enum FraudDecisionStore {
    /// What became of a decision.
    public enum Outcome: Hashable, Sendable {
        case done
        case notFound
        /// It was decided, or withdrawn, before.
        case notOpen(status: String)
    }

    /// Cases that are decided at once.
    public static let casesMaximum = 200
    /// For how long a decision can be undone; what it releases is not due before.
    public static let undoSeconds: Int64 = 1_800

    /// Decides about one case, see `decide(_:_:batchID:in:)`.
    public static func decide(
        _ caseID: Int64, isConfirmed: Bool, because reason: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Outcome {
        let ruling = FraudRuling(isConfirmed: isConfirmed, reason: reason, actor: actor, at: now)
        let batchID = Identifier(decidingAbout: [caseID], isConfirmed: isConfirmed, by: actor, at: now)
        return try decide([caseID], ruling, batchID: batchID, in: transaction)[caseID] ?? .notFound
    }

    /// Decides about cases. Confirmed, they hold their affiliates for good; dismissed, what they were about waits no
    /// more, and what the affiliates were seen with is allowed for some time. Either is kept with what was seen, to be
    /// learnt from, and with what was before, to be undone.
    ///
    /// - Parameters:
    ///   - caseIDs: a dismissal overturns confirmed ones too.
    ///   - batchID: what is decided together is undone together.
    public static func decide(
        _ caseIDs: [Int64], _ ruling: FraudRuling, batchID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Int64: Outcome] {
        precondition(caseIDs.count <= casesMaximum, "the caller bounds a batch")
        let found = try transaction.query(
            """
            SELECT fraud_case_id, affiliate_id, status FROM fraud_case WHERE fraud_case_id = ANY ($1::int8[])
            ORDER BY fraud_case_id FOR UPDATE
            """, .int8s(caseIDs)
        ) { row throws(PostgresError) in
            (id: try row.int8(0), affiliateID: try row.text(1), status: try row.text(2))
        }
        let open = found.filter { $0.status == "open" || $0.status == "confirmed" && !ruling.isConfirmed }
        var outcomes = Dictionary(caseIDs.map { ($0, Outcome.notFound) }) { first, _ in first }
        for row in found { outcomes[row.id] = .notOpen(status: row.status) }
        for row in open { outcomes[row.id] = .done }
        guard !open.isEmpty else { return outcomes }
        try record(open.map(\.id), ruling, batchID, in: transaction)
        try speak(of: batchID, ruling, in: transaction)
        let affiliateIDs = Set(open.map(\.affiliateID)).sorted()
        _ = try FraudCaseStore.agree(affiliateIDs, in: transaction)
        let released = try CommissionStore.release(
            of: affiliateIDs, notDueBefore: ruling.at.adding(seconds: undoSeconds), by: ruling.actor,
            because: "the fraud case was dismissed", at: ruling.at, in: transaction)
        guard !released.isEmpty else { return outcomes }
        try transaction.run(
            """
            INSERT INTO fraud_decision_release (batch_id, commission_id, hold_until)
            SELECT $1, commission_id, hold_until FROM unnest($2::uuid[], $3::timestamptz[]) AS r
                (commission_id, hold_until)
            """, .uuid(batchID.value), .uuids(released.map(\.commissionID.value)),
            .timestamps(released.map(\.holdUntil.microsecondsSinceEpoch)))
        return outcomes
    }

    private static func record(
        _ caseIDs: [Int64], _ ruling: FraudRuling, _ batchID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            WITH judged AS (SELECT max(day) AS day FROM fraud_judgement),
            prior AS (SELECT fraud_case_id, affiliate_id, to_jsonb(c) AS before FROM fraud_case c
                WHERE fraud_case_id = ANY ($1::int8[])),
            decided AS (
                UPDATE fraud_case SET status = CASE WHEN $2 THEN 'confirmed' ELSE 'dismissed' END, reason = $3,
                    decided_by = $4, decided_at = $5,
                    decided_day = COALESCE((SELECT day FROM judged), ($5 AT TIME ZONE 'UTC')::date)
                WHERE fraud_case_id = ANY ($1::int8[]) RETURNING fraud_case_id, decided_day)
            INSERT INTO fraud_decision (fraud_case_id, affiliate_id, day, is_confirmed, reason, features, model_version,
                decided_by, decided_at, batch_id, allowance_days, prior, features_layout)
            SELECT p.fraud_case_id, p.affiliate_id, d.decided_day - DATE '1970-01-01', $2, $3, s.features,
                s.model_version, $4, $5, $6, $7, p.before, COALESCE(s.features_layout, $8)
            -- What the case shows, not the last day: until somebody looks, what was seen may have faded.
            FROM decided d JOIN prior p USING (fraud_case_id) LEFT JOIN fraud_case_judgement s USING (fraud_case_id)
            ORDER BY p.fraud_case_id
            """, .int8s(caseIDs), .bool(ruling.isConfirmed), .text(ruling.reason), .text(ruling.actor),
            .timestamp(microsecondsSinceEpoch: ruling.at.microsecondsSinceEpoch), .uuid(batchID.value),
            .int4(ruling.allowanceDays), .int4(FraudFeatures.layout))
    }

    /// Puts what a person said about conversions over what the engine said, and keeps that.
    private static func speak(
        of batchID: Identifier, _ ruling: FraudRuling, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            WITH touched AS (
                SELECT d.fraud_decision_id, f.conversion_id, f.verdict, f.decided
                FROM fraud_decision d JOIN fraud_case c USING (fraud_case_id)
                JOIN fraud_conversion f ON f.affiliate_id = c.affiliate_id AND f.kind = c.kind
                WHERE d.batch_id = $1 AND f.verdict <> 'clear' ORDER BY f.conversion_id FOR UPDATE OF f),
            changed AS (
                UPDATE fraud_conversion f
                SET decided = true, verdict = CASE WHEN $2 THEN f.verdict ELSE 'clear' END
                FROM touched t WHERE f.conversion_id = t.conversion_id)
            INSERT INTO fraud_decision_effect (fraud_decision_id, conversion_id, verdict, decided)
            SELECT fraud_decision_id, conversion_id, verdict, decided FROM touched
            """, .uuid(batchID.value), .bool(ruling.isConfirmed))
    }

    /// Decisions that are not part of the engine's state yet, by the day from whose end on they count, in order.
    public static func unsealed(
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Int32: [FraudDecision]] {
        let decisions = try transaction.query(
            """
            SELECT day, affiliate_id, is_confirmed, allowance_days, CASE WHEN features_layout = $1 THEN features END
            FROM fraud_decision WHERE NOT sealed AND undone_at IS NULL ORDER BY fraud_decision_id
            """, .int4(FraudFeatures.layout)
        ) { row throws(PostgresError) in
            (
                day: try row.int4(0),
                decision: FraudDecision(
                    affiliate: FraudHash.of(try row.text(1)), isConfirmed: try row.bool(2),
                    allowanceDays: try row.int4(3), seen: try row.bytesOrNull(4).map(FraudModelStore.features))
            )
        }
        return Dictionary(grouping: decisions, by: \.day).mapValues { $0.map(\.decision) }
    }

    public static func seal(through day: Int32, in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run(
            "UPDATE fraud_decision SET sealed = true WHERE NOT sealed AND undone_at IS NULL AND day <= $1", .int4(day))
    }
}

extension Identifier {
    /// The id of what one person decides about cases at one moment.
    public init(decidingAbout caseIDs: [Int64], isConfirmed: Bool, by actor: String, at moment: Timestamp) {
        self.init(
            hashing: "fraud decision", actor, String(isConfirmed), String(moment.microsecondsSinceEpoch),
            caseIDs.map { String($0) }.joined(separator: " "))
    }
}
