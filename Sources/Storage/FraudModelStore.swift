public import Domain
public import Postgres

/// Versions of the fraud model: what was learnt from decisions, kept for ever, of which at most one judges.
public enum FraudModelStore {
    public struct Version: Sendable {
        public let id: Int64
        public let model: FraudModel
        public let examples: Int64
        /// `shadow`: never judged so far.
        public let status: String
        public let madeBy: String
        public let madeAt: Timestamp
    }

    /// A judgement, and what a candidate said of the same when it was made.
    public struct Beside: Sendable {
        public let affiliateID: String
        public let day: Int32
        public let probability: Double
        public let verdict: FraudVerdict
        public let candidateProbability: Double
        public let candidateVerdict: FraudVerdict
    }

    /// What a promotion came to.
    public enum Promotion: Hashable, Sendable {
        case done
        case notFound
        case activeAlready
    }

    /// All versions learnt on the standard model that this program brings, the newest first.
    public static func all(in transaction: borrowing Transaction) throws(PostgresError) -> [Version] {
        try versions(isActive: false, in: transaction)
    }

    /// The model that judges: the standard one unless another was promoted.
    public static func active(in transaction: borrowing Transaction) throws(PostgresError) -> FraudModel {
        try versions(isActive: true, in: transaction).first?.model ?? .standard
    }

    /// The model that says silently beside it what it would: the newest that never judged; nil without one.
    public static func candidate(in transaction: borrowing Transaction) throws(PostgresError) -> FraudModel? {
        try versions(isActive: false, in: transaction).first { $0.status == "shadow" }?.model
    }

    /// What was said beside a candidate on the days since `day`.
    public static func besides(
        _ candidate: FraudModel, since day: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Beside] {
        try transaction.query(
            """
            SELECT affiliate_id, day, probability, verdict, candidate_probability, candidate_verdict
            FROM fraud_judgement
            WHERE day >= $1 AND candidate_version = $2 ORDER BY affiliate_id, day
            """, .date(daysSinceEpoch: day), .text(candidate.version)
        ) { row throws(PostgresError) in
            Beside(
                affiliateID: try row.text(0), day: try row.date(1), probability: try row.float8(2),
                verdict: FraudVerdict(rawValue: try row.text(3)) ?? .clear, candidateProbability: try row.float8(4),
                candidateVerdict: FraudVerdict(rawValue: try row.text(5)) ?? .clear)
        }
    }

    private static func versions(
        isActive: Bool, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Version] {
        try transaction.query(
            """
            SELECT fraud_model_id, bias, weights::text[], examples, status, made_by, made_at, slope, prior_shift
            FROM fraud_model WHERE base = $1 AND (NOT $2 OR status = 'active') ORDER BY fraud_model_id DESC
            """, .text(FraudModel.standard.version), .bool(isActive)
        ) { row throws(PostgresError) in
            let id = try row.int8(0)
            let weights = try row.texts(2).compactMap { Double($0) }
            guard weights.count == 2 * FraudFeatures.count else {
                throw PostgresError(code: .decoding, message: "a stored fraud model has another number of weights")
            }
            var model = FraudModel.standard
            model.version = "\(model.version)/\(id)"
            model.bias = try row.float8(1)
            model.trust = Array(weights.prefix(FraudFeatures.count))
            model.added = Array(weights.suffix(FraudFeatures.count))
            model.slope = try row.float8(7)
            model.priorShift = try row.float8(8)
            return Version(
                id: id, model: model, examples: try row.int8(3), status: try row.text(4), madeBy: try row.text(5),
                madeAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(6)))
        }
    }

    /// Learns a version from all decisions, whatever the weights were; it judges nothing until it is promoted.
    ///
    /// - Returns: its number, and the decisions that it learnt from; nil without any.
    public static func learn(
        by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> (id: Int64, examples: Int)? {
        let standard = FraudModel.standard
        let decisions = try transaction.query(
            """
            SELECT affiliate_id, is_confirmed, features FROM fraud_decision
            WHERE features IS NOT NULL AND undone_at IS NULL AND features_layout = $1 ORDER BY fraud_decision_id
            """, .int4(FraudFeatures.layout)
        ) { row throws(PostgresError) in
            let decision = FraudDecision(
                affiliate: FraudHash.of(try row.text(0)), isConfirmed: try row.bool(1))
            return (decision, try features(try row.bytes(2)))
        }
        guard !decisions.isEmpty else { return nil }
        var learning = DecisionLearning(standard)
        for (decision, features) in decisions { learning.learn(decision, features) }
        for day in try sample(in: transaction) { learning.see(day.features, of: day.affiliate, on: day.day) }
        let model = learning.model
        let ids = try transaction.query(
            """
            INSERT INTO fraud_model (base, bias, weights, slope, prior_shift, examples, status, made_by, made_at)
            VALUES ($1, $2, $3::float8[], $4, $5, $6, 'shadow', $7, $8) RETURNING fraud_model_id
            """, .text(standard.version), .float8(model.bias), .float8s(model.trust + model.added),
            .float8(model.slope), .float8(model.priorShift), .int8(Int64(decisions.count)), .text(actor),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in try row.int8(0) }
        return ids.first.map { ($0, decisions.count) }
    }

    /// Days of affiliates by chance, whether or not somebody looked at them.
    private static func sample(
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [(affiliate: UInt64, day: Int32, features: FraudFeatures)] {
        try transaction.query(
            """
            SELECT affiliate_id, day, features FROM fraud_judgement
            WHERE features_layout = $1 ORDER BY hashtextextended(affiliate_id, day - date '1970-01-01') LIMIT $2
            """, .int4(FraudFeatures.layout), .int8(Int64(DecisionLearning.backgroundMaximum))
        ) { row throws(PostgresError) in
            (FraudHash.of(try row.text(0)), try row.date(1), try features(try row.bytes(2)))
        }
    }

    /// Lets a version judge from now on, open days included, in the place of the one that does.
    ///
    /// - Parameter id: nil for the standard model.
    public static func promote(
        _ id: Int64?, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Promotion {
        let current = try transaction.query(
            "SELECT fraud_model_id FROM fraud_model WHERE status = 'active' FOR UPDATE"
        ) { row throws(PostgresError) in try row.int8(0) }.first
        guard current != id else { return .activeAlready }
        if let id {
            let isThere = try transaction.query(
                "SELECT 1 FROM fraud_model WHERE fraud_model_id = $1 AND base = $2 FOR UPDATE", .int8(id),
                .text(FraudModel.standard.version)
            ) { row throws(PostgresError) in try row.int4(0) }
            guard !isThere.isEmpty else { return .notFound }
        }
        try transaction.run("UPDATE fraud_model SET status = 'retired' WHERE status = 'active'")
        if let id {
            try transaction.run(
                """
                UPDATE fraud_model SET status = 'active', promoted_by = $2, promoted_at = $3
                WHERE fraud_model_id = $1
                """, .int8(id), .text(actor), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
        }
        try AuditLog.append(
            AuditEntry(
                at: now, actor: actor, action: "promote fraud model", subject: id.map { String($0) } ?? "standard",
                detail: "{}"), in: transaction)
        return .done
    }

    /// What was seen of affiliates on the days since `day`, measured as they are now.
    public static func seen(
        since day: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [(affiliateID: String, day: Int32, features: FraudFeatures)] {
        try transaction.query(
            """
            SELECT affiliate_id, day, features FROM fraud_judgement
            WHERE day >= $1 AND features_layout = $2 ORDER BY affiliate_id, day
            """, .date(daysSinceEpoch: day), .int4(FraudFeatures.layout)
        ) { row throws(PostgresError) in (try row.text(0), try row.date(1), try features(try row.bytes(2))) }
    }

    static func features(_ bytes: [UInt8]) throws(PostgresError) -> FraudFeatures {
        do throws(UnreadableState) {
            return try FraudFeatures(bytes: bytes)
        } catch {
            throw PostgresError(code: .decoding, message: "stored features cannot be read")
        }
    }
}
