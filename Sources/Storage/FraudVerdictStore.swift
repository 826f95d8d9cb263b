public import Domain
public import Postgres

/// What was said of an affiliate at the end of a day.
public struct FraudDayVerdict: Sendable {
    public let affiliateID: String
    public let day: Int32
    public let probability: Double
    public let verdict: FraudVerdict
    /// The finding that weighs most, in words; nil if there is none.
    public let top: (signal: FraudSignal, sentence: String)?
    /// A JSON array, the strongest first.
    public let evidence: String
    public let features: [UInt8]
    public let version: String
    public let candidate: FraudCandidateJudgement?

    public init(
        affiliateID: String, day: Int32, probability: Double, verdict: FraudVerdict,
        top: (signal: FraudSignal, sentence: String)?, evidence: String, features: [UInt8], version: String,
        candidate: FraudCandidateJudgement? = nil
    ) {
        self.affiliateID = affiliateID
        self.day = day
        self.probability = probability
        self.verdict = verdict
        self.top = top
        self.evidence = evidence
        self.features = features
        self.version = version
        self.candidate = candidate
    }
}

/// What was said of one conversion.
public struct JudgedConversion: Sendable {
    public let conversionID: Identifier
    public let affiliateID: String
    public let day: Int32
    public let probability: Double
    public let verdict: FraudVerdict
    /// The strongest first.
    public let signals: [FraudSignal]

    public init(
        conversionID: Identifier, affiliateID: String, day: Int32, probability: Double, verdict: FraudVerdict,
        signals: [FraudSignal]
    ) {
        self.conversionID = conversionID
        self.affiliateID = affiliateID
        self.day = day
        self.probability = probability
        self.verdict = verdict
        self.signals = signals
    }
}

/// Verdicts of the fraud engine.
public enum FraudVerdictStore {
    /// Puts verdicts of days in the place of those before.
    ///
    /// - Parameters:
    ///   - days: all that were judged; who is no more among their verdicts loses his.
    /// - Returns: the affiliates about whom something changed.
    public static func save(
        _ verdicts: [FraudDayVerdict], of days: [Int32], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Set<String> {
        guard !days.isEmpty else { return [] }
        let affiliates = PostgresValue.texts(verdicts.map(\.affiliateID))
        let dates = PostgresValue.dates(verdicts.map(\.day))
        let gone = try transaction.query(
            """
            DELETE FROM fraud_judgement j WHERE j.day = ANY ($1::date[]) AND NOT EXISTS (
                SELECT FROM unnest($2::text[], $3::date[]) AS v (affiliate_id, day)
                WHERE v.affiliate_id = j.affiliate_id AND v.day = j.day)
            RETURNING affiliate_id
            """, .dates(days), affiliates, dates
        ) { row throws(PostgresError) in try row.text(0) }
        let changed = try transaction.query(
            """
            INSERT INTO fraud_judgement AS j (affiliate_id, day, probability, verdict, kind, code, sentence, evidence,
                features, model_version, judged_at, candidate_version, candidate_probability, candidate_verdict,
                features_layout)
            SELECT v.affiliate_id, v.day, v.probability, v.verdict, v.kind, v.code::int4, v.sentence,
                v.evidence::jsonb, v.features, v.model_version, $11, v.candidate,
                CASE WHEN v.candidate IS NOT NULL THEN v.candidate_probability END, v.candidate_verdict, $15
            FROM unnest($1::text[], $2::date[], $3::float8[], $4::text[], $5::text[], $6::int8[], $7::text[],
                $8::text[], $9::bytea[], $10::text[], $12::text[], $13::float8[], $14::text[])
                AS v (affiliate_id, day, probability, verdict, kind, code, sentence, evidence, features,
                    model_version, candidate, candidate_probability, candidate_verdict)
            ON CONFLICT (affiliate_id, day) DO UPDATE
            SET probability = excluded.probability, verdict = excluded.verdict, kind = excluded.kind,
                code = excluded.code, sentence = excluded.sentence, evidence = excluded.evidence,
                features = excluded.features, model_version = excluded.model_version, judged_at = excluded.judged_at,
                candidate_version = excluded.candidate_version,
                candidate_probability = excluded.candidate_probability,
                candidate_verdict = excluded.candidate_verdict, features_layout = excluded.features_layout
            WHERE (j.probability, j.verdict, j.evidence, j.features, j.model_version, j.candidate_version,
                j.candidate_probability, j.candidate_verdict, j.features_layout)
                IS DISTINCT FROM (excluded.probability, excluded.verdict, excluded.evidence, excluded.features,
                    excluded.model_version, excluded.candidate_version, excluded.candidate_probability,
                    excluded.candidate_verdict, excluded.features_layout)
            RETURNING affiliate_id
            """, affiliates, dates, .float8s(verdicts.map(\.probability)), .texts(verdicts.map(\.verdict.rawValue)),
            .optionalTexts(verdicts.map { $0.top?.signal.family.rawValue }),
            .optionalInt8s(verdicts.map { $0.top.map { Int64($0.signal.code.rawValue) } }),
            .optionalTexts(verdicts.map { $0.top?.sentence }), .texts(verdicts.map(\.evidence)),
            .bytesArray(verdicts.map(\.features)), .texts(verdicts.map(\.version)),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch),
            .optionalTexts(verdicts.map { $0.candidate?.version }),
            .float8s(verdicts.map { $0.candidate?.probability ?? 0 }),
            .optionalTexts(verdicts.map { $0.candidate?.verdict.rawValue }), .int4(FraudFeatures.layout)
        ) { row throws(PostgresError) in try row.text(0) }
        return Set(gone + changed)
    }

    /// Records what is said of conversions; about which a person spoke, that stays.
    ///
    /// - Returns: those of which something else was said before, or nothing.
    public static func save(
        _ conversions: [JudgedConversion], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Set<Identifier> {
        guard !conversions.isEmpty else { return [] }
        let changed = try transaction.query(
            """
            INSERT INTO fraud_conversion AS f (conversion_id, affiliate_id, verdict, codes, judged_at, probability,
                kind, day)
            SELECT c.conversion_id, c.affiliate_id, c.verdict, c.codes::int4[], $8, c.probability, c.kind, c.day
            FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::text[], $7::date[])
                AS c (conversion_id, affiliate_id, verdict, codes, probability, kind, day)
            ON CONFLICT (conversion_id) DO UPDATE
            SET affiliate_id = excluded.affiliate_id, verdict = excluded.verdict, codes = excluded.codes,
                judged_at = excluded.judged_at, probability = excluded.probability, kind = excluded.kind,
                day = excluded.day
            WHERE NOT f.decided AND (f.affiliate_id, f.verdict, f.codes, f.probability)
                IS DISTINCT FROM (excluded.affiliate_id, excluded.verdict, excluded.codes, excluded.probability)
            RETURNING conversion_id
            """, .uuids(conversions.map(\.conversionID.value)), .texts(conversions.map(\.affiliateID)),
            .texts(conversions.map(\.verdict.rawValue)), .texts(conversions.map(arrayLiteral)),
            .float8s(conversions.map(\.probability)),
            .optionalTexts(conversions.map { $0.signals.first?.family.rawValue }),
            .dates(conversions.map(\.day)), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in try row.identifier(0) }
        return Set(changed)
    }

    /// An array of arrays has no parameter type, since theirs differ in length.
    private static func arrayLiteral(_ conversion: JudgedConversion) -> String {
        "{" + conversion.signals.map { String($0.code.rawValue) }.joined(separator: ",") + "}"
    }

    /// The verdicts of affiliates; those that are not registered are missing in the answer.
    public static func verdicts(
        of affiliateIDs: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: FraudVerdict] {
        let verdicts = try transaction.query(
            "SELECT affiliate_id, fraud_verdict FROM affiliate WHERE affiliate_id = ANY ($1::text[])",
            .texts(affiliateIDs)
        ) { row throws(PostgresError) in
            // An unknown verdict must not pay: the strictest stands in for it.
            (try row.text(0), FraudVerdict(rawValue: try row.text(1)) ?? .hold)
        }
        return Dictionary(uniqueKeysWithValues: verdicts)
    }

    /// What the engine knows of programmes; of those that nobody described, that there are such.
    public static func context(in transaction: borrowing Transaction) throws(PostgresError) -> FraudContext {
        var context = FraudContext()
        let programs = try transaction.query(
            """
            SELECT program_id, currency, attribution_window_days, main_markets,
                CASE WHEN auto_registered THEN NULL ELSE auto_approve_limit_minor END
            FROM program
            """
        ) { row throws(PostgresError) in
            var program = FraudProgram()
            program.currency = FraudHash.of(try row.text(1))
            program.attributionWindowDays = try row.int4(2)
            program.mainMarkets = Set(try row.texts(3).map { FraudEvent.country($0) }).subtracting([0])
            program.autoApproveLimitMinor = try row.int8OrNull(4)
            return (FraudHash.of(try row.text(0)), program)
        }
        context.programs = Dictionary(programs) { first, _ in first }
        return context
    }
}
