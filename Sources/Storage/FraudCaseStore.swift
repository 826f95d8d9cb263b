public import Domain
public import Postgres

/// Cases against affiliates: one open for each kind, made of what was said of days and conversions, and of what people
/// decided. The same verdicts and decisions make the same cases, however they came about.
public enum FraudCaseStore {
    /// Days after a confirmed case in which more of its kind belongs to it.
    private static let confirmedDays: Int32 = 14

    /// Opens, updates and withdraws the cases of affiliates, and puts their verdicts in accord.
    ///
    /// A case ends by a decision only. But one that rests on days that are not sealed, and that those days do not
    /// support any more, was none.
    ///
    /// - Parameter sealedThrough: the last day that cannot change.
    /// - Returns: the affiliates whose verdict changed.
    public static func refresh(
        _ affiliateIDs: [String], sealedThrough: Int32, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: FraudVerdict] {
        guard !affiliateIDs.isEmpty else { return [:] }
        try transaction.run(
            """
            WITH touched AS (SELECT unnest($1::text[]) AS affiliate_id),
            decided AS (
                SELECT affiliate_id, kind,
                    max(decided_day + CASE status WHEN 'confirmed' THEN $4::int4 ELSE 0 END) AS day
                FROM fraud_case JOIN touched USING (affiliate_id) WHERE decided_day IS NOT NULL GROUP BY 1, 2),
            suspect AS (
                SELECT j.affiliate_id, j.kind, j.code, j.day, j.verdict, j.probability, j.sentence, 1 AS days,
                    0 AS conversions
                FROM fraud_judgement j JOIN touched USING (affiliate_id)
                WHERE j.verdict <> 'clear' AND j.kind IS NOT NULL
                UNION ALL
                SELECT f.affiliate_id, f.kind, f.codes[1], f.day, 'clear', f.probability, NULL, 0, 1
                FROM fraud_conversion f JOIN touched USING (affiliate_id)
                WHERE f.verdict <> 'clear' AND NOT f.decided AND f.kind IS NOT NULL),
            wanted AS (
                SELECT s.affiliate_id, s.kind, max(s.probability) AS probability, sum(s.days) AS days,
                    sum(s.conversions) AS conversions, min(s.day) AS first_day, max(s.day) AS last_day,
                    (array_agg(s.code ORDER BY s.days DESC, s.probability DESC, s.day, s.code))[1] AS code,
                    (array_agg(s.sentence ORDER BY s.days DESC, s.probability DESC, s.day, s.code))[1] AS sentence,
                    CASE WHEN bool_or(s.verdict = 'hold') THEN 'hold' WHEN bool_or(s.verdict = 'review') THEN 'review'
                        ELSE 'clear' END AS verdict
                FROM suspect s LEFT JOIN decided d USING (affiliate_id, kind)
                WHERE d.day IS NULL OR s.day > d.day GROUP BY 1, 2),
            withdrawn AS (
                UPDATE fraud_case c SET status = 'withdrawn', last_seen_at = $2
                FROM touched t WHERE c.affiliate_id = t.affiliate_id AND c.status = 'open' AND c.last_day > $3
                    AND NOT EXISTS (
                        SELECT FROM wanted w WHERE w.affiliate_id = c.affiliate_id AND w.kind = c.kind))
            INSERT INTO fraud_case AS c (affiliate_id, kind, code, verdict, probability, days, conversions, measured,
                first_day, last_day, opened_at, last_seen_at)
            SELECT affiliate_id, kind, code, verdict, probability, days, conversions,
                COALESCE(sentence, conversions || ' conversions are suspected by themselves.'), first_day, last_day,
                $2, $2
            FROM wanted ORDER BY affiliate_id, kind
            ON CONFLICT (affiliate_id, kind) WHERE status = 'open' DO UPDATE
            SET code = excluded.code, verdict = excluded.verdict, probability = excluded.probability,
                days = excluded.days, conversions = excluded.conversions, measured = excluded.measured,
                first_day = CASE WHEN c.first_day > $3 THEN excluded.first_day
                    ELSE LEAST(c.first_day, excluded.first_day) END, last_day = excluded.last_day, last_seen_at = $2
            """, .texts(affiliateIDs), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch),
            .date(daysSinceEpoch: max(sealedThrough, 0)), .int4(confirmedDays))
        return try agree(affiliateIDs, in: transaction)
    }

    /// Opens cases for what no event shows, to be looked at by a person; an open one of the kind takes the new words.
    static func accuse(
        _ suspects: [(affiliateID: String, measured: String)], of code: ReasonCode, kind: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let suspects = suspects.sorted { $0.affiliateID < $1.affiliateID }
        try transaction.run(
            """
            INSERT INTO fraud_case AS c (affiliate_id, kind, code, verdict, measured, opened_at, last_seen_at)
            SELECT DISTINCT ON (affiliate_id) affiliate_id, $3, $4, 'review', measured, $5, $5
            FROM unnest($1::text[], $2::text[]) AS s (affiliate_id, measured) ORDER BY affiliate_id
            ON CONFLICT (affiliate_id, kind) WHERE status = 'open' DO UPDATE
            SET measured = excluded.measured, last_seen_at = excluded.last_seen_at
            """, .texts(suspects.map(\.affiliateID)), .texts(suspects.map(\.measured)), .text(kind),
            .int4(code.rawValue), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
        _ = try agree(Set(suspects.map(\.affiliateID)).sorted(), in: transaction)
    }

    /// Gives affiliates the worst verdict of their cases: of the open ones, and of the confirmed ones for good.
    ///
    /// - Returns: the affiliates whose verdict changed.
    static func agree(
        _ affiliateIDs: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: FraudVerdict] {
        let changed = try transaction.query(
            """
            WITH worst AS (
                SELECT t.affiliate_id,
                    CASE WHEN bool_or(c.status = 'confirmed' OR c.verdict = 'hold') THEN 'hold'
                        WHEN bool_or(c.verdict = 'review') THEN 'review' ELSE 'clear' END AS verdict
                FROM unnest($1::text[]) AS t (affiliate_id)
                LEFT JOIN fraud_case c ON c.affiliate_id = t.affiliate_id AND c.status IN ('open', 'confirmed')
                GROUP BY 1)
            UPDATE affiliate a SET fraud_verdict = w.verdict
            FROM (SELECT a.affiliate_id, w.verdict FROM affiliate a JOIN worst w USING (affiliate_id)
                WHERE a.fraud_verdict <> w.verdict ORDER BY 1 FOR UPDATE OF a) AS w
            WHERE a.affiliate_id = w.affiliate_id RETURNING a.affiliate_id, a.fraud_verdict
            """, .texts(affiliateIDs)
        ) { row throws(PostgresError) in (try row.text(0), FraudVerdict(rawValue: try row.text(1)) ?? .hold) }
        return Dictionary(uniqueKeysWithValues: changed)
    }
}
