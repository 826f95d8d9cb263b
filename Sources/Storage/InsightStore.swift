public import Domain
public import Postgres

/// What insights are made of, and the insights.
public enum InsightStore {
    /// The newest ranking of each programme and currency.
    public static func rankings(
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [(market: RankingStore.Market, day: Int32)] {
        try transaction.query(
            """
            SELECT DISTINCT program_id, currency, day FROM affiliate_rank
            WHERE day = (SELECT max(day) FROM affiliate_rank) ORDER BY program_id, currency
            """
        ) { row throws(PostgresError) in
            (RankingStore.Market(programID: try row.text(0), currency: try row.currency(1)), try row.date(2))
        }
    }

    /// - Returns: the ranking of that day, or none.
    public static func places(
        _ market: RankingStore.Market, day: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [InsightWriter.Place] {
        try transaction.query(
            """
            SELECT affiliate_id, rank::int8, expected_minor, low_minor, high_minor, is_low_sample, contributions
            FROM affiliate_rank WHERE program_id = $1 AND currency = $2 AND day = $3 ORDER BY rank
            """, .text(market.programID), .text(market.currency.code), .date(daysSinceEpoch: day)
        ) { row throws(PostgresError) in
            InsightWriter.Place(
                affiliateID: try row.text(0), rank: try row.int8(1), expectedMinor: try row.int8(2),
                lowMinor: try row.int8(3), highMinor: try row.int8(4), isLowSample: try row.bool(5),
                contributions: try row.int4s(6))
        }
    }

    /// The sub-ids of the days until `day` that brought orders in the market's currency.
    ///
    /// - Parameter limit: of the sub-ids with the most revenue.
    public static func channels(
        _ market: RankingStore.Market, until day: Int32, limit: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [InsightWriter.Channel] {
        try transaction.query(
            """
            WITH span AS (
                SELECT ($3::date - $4::int4 + 1)::timestamp AT TIME ZONE 'UTC' AS first,
                    ($3::date + 1)::timestamp AT TIME ZONE 'UTC' AS past
            ), ordered AS (
                SELECT affiliate_id, sub_id, sum(quantity)::int8 AS orders, sum(amount_minor)::int8 AS revenue
                FROM conversion, span
                WHERE program_id = $1 AND currency = $2 AND sub_id <> '' AND NOT is_test
                    AND occurred_at >= first AND occurred_at < past
                GROUP BY 1, 2 ORDER BY 4 DESC LIMIT $5
            ), clicked AS (
                SELECT affiliate_id, sub_id, count(*) AS clicks FROM click, span
                WHERE program_id = $1 AND sub_id <> '' AND occurred_at >= first AND occurred_at < past GROUP BY 1, 2
            )
            SELECT o.affiliate_id, o.sub_id, COALESCE(c.clicks, 0), o.orders, o.revenue
            FROM ordered o LEFT JOIN clicked c USING (affiliate_id, sub_id) ORDER BY o.revenue DESC, 1, 2
            """, .text(market.programID), .text(market.currency.code), .date(daysSinceEpoch: day),
            .int4(InsightWriter.channelDays), .int8(limit)
        ) { row throws(PostgresError) in
            InsightWriter.Channel(
                affiliateID: try row.text(0), subID: try row.text(1), clicks: try row.int8(2),
                orders: try row.int8(3), revenueMinor: try row.int8(4))
        }
    }

    /// Puts a day's insights in the place of those that were made of it before.
    public static func save(
        _ insights: [Insight], _ market: RankingStore.Market, day: Int32, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            WITH new AS (
                SELECT * FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::int8[])
                    AS n (kind, affiliate_id, channel, sentence, weight_minor)
            ), gone AS (
                DELETE FROM insight i WHERE program_id = $1 AND currency = $2 AND day = $3 AND NOT EXISTS (
                    SELECT FROM new n WHERE n.kind = i.kind AND n.affiliate_id = i.affiliate_id
                        AND n.channel = i.channel)
            )
            INSERT INTO insight AS i
                (program_id, currency, day, kind, affiliate_id, channel, sentence, weight_minor, made_at)
            SELECT $1, $2, $3, kind, affiliate_id, channel, sentence, weight_minor, $9 FROM new
            ON CONFLICT (program_id, currency, day, kind, affiliate_id, channel) DO UPDATE
            SET sentence = excluded.sentence, weight_minor = excluded.weight_minor, made_at = excluded.made_at,
                rewritten = CASE WHEN i.sentence = excluded.sentence THEN i.rewritten END,
                objection = CASE WHEN i.sentence = excluded.sentence THEN i.objection END,
                asked_at = CASE WHEN i.sentence = excluded.sentence THEN i.asked_at END
            """, .text(market.programID), .text(market.currency.code), .date(daysSinceEpoch: day),
            .texts(insights.map(\.kind.rawValue)), .texts(insights.map { $0.affiliateID ?? "" }),
            .texts(insights.map { $0.channel ?? "" }), .texts(insights.map(\.sentence)),
            .int8s(insights.map(\.weightMinor)), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
    }

    /// Sentences of the newest day that nobody was asked to rewrite yet, the weightiest first. Numbers that differ only
    /// by name make one sentence.
    public static func unasked(limit: Int64, in transaction: borrowing Transaction) throws(PostgresError) -> [String] {
        try transaction.query(
            """
            SELECT sentence FROM insight WHERE asked_at IS NULL AND day = (SELECT max(day) FROM insight)
            GROUP BY sentence ORDER BY max(weight_minor) DESC, sentence LIMIT $1
            """, .int8(limit)
        ) { row throws(PostgresError) in try row.text(0) }
    }

    /// Records what came of asking.
    public static func record(
        _ rewritten: String?, objection: InsightRewrite.Objection?, of sentence: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            "UPDATE insight SET rewritten = $2, objection = $3, asked_at = $4 WHERE sentence = $1 AND asked_at IS NULL",
            .text(sentence), .optionalText(rewritten), .optionalText(objection?.rawValue),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
    }
}
