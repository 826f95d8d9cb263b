public import Domain
public import Postgres

/// The sums per affiliate: by day for the charts, in all for the score.
public enum AggregateStore {
    /// An affiliate's score after a batch, and what the batch added to its totals.
    public struct Scored: Sendable {
        public let key: AggregateKey
        public let added: AffiliateScore.Totals
        public let score: AffiliateScore
        public let lastEventAt: Timestamp

        public init(key: AggregateKey, added: AffiliateScore.Totals, score: AffiliateScore, lastEventAt: Timestamp) {
            self.key = key
            self.added = added
            self.score = score
            self.lastEventAt = lastEventAt
        }
    }

    /// What a batch adds to an affiliate's day.
    public struct DayChange: Sendable {
        public let key: AggregateKey
        public let day: Int32
        public let added: DayTotals

        public init(key: AggregateKey, day: Int32, added: DayTotals) {
            self.key = key
            self.day = day
            self.added = added
        }
    }

    /// Adds to the days.
    ///
    /// - Parameter days: in the order of their keys and days, so that two workers lock rows in one order.
    public static func add(_ days: [DayChange], in transaction: borrowing Transaction) throws(PostgresError) {
        guard !days.isEmpty else { return }
        let totals = days.map { $0.added.totals }
        try transaction.run(
            """
            INSERT INTO affiliate_day AS a (affiliate_id, program_id, currency, day, clicks, conversions, refunds,
                revenue_minor, refunded_minor, commission_minor)
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::int8[], $6::int8[], $7::int8[],
                $8::int8[], $9::int8[], $10::int8[])
            ON CONFLICT (affiliate_id, program_id, day, currency) DO UPDATE SET clicks = a.clicks + excluded.clicks,
                conversions = a.conversions + excluded.conversions, refunds = a.refunds + excluded.refunds,
                revenue_minor = a.revenue_minor + excluded.revenue_minor,
                refunded_minor = a.refunded_minor + excluded.refunded_minor,
                commission_minor = a.commission_minor + excluded.commission_minor
            """, .texts(days.map { $0.key.affiliateID }), .texts(days.map { $0.key.programID }),
            .texts(days.map { $0.key.currency.code }), .dates(days.map { $0.day }), .int8s(totals.map { $0.clicks }),
            .int8s(totals.map { $0.conversions }), .int8s(totals.map { $0.refunds }),
            .int8s(totals.map { $0.revenueMinor }), .int8s(totals.map { $0.refundedMinor }),
            .int8s(days.map { $0.added.commissionMinor }))
    }

    /// Adds to the totals and stores the scores. Totals are added rather than replaced: another worker may have added
    /// to the same affiliate since this batch looked.
    ///
    /// - Parameter scored: in the order of their keys, so that two workers lock rows in one order.
    public static func save(_ scored: [Scored], in transaction: borrowing Transaction) throws(PostgresError) {
        guard !scored.isEmpty else { return }
        let width = AffiliateScore.Component.allCases.count
        try transaction.run(
            """
            INSERT INTO affiliate_score AS a (affiliate_id, program_id, currency, clicks, conversions, refunds,
                revenue_minor, refunded_minor, score_tenths, components, model_version, last_event_at)
            SELECT affiliate_id, program_id, currency, clicks, conversions, refunds, revenue, refunded, score,
                ($10::int4[])[(n - 1) * $11 + 1 : n * $11], $12, last_event_at
            FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[],
                $9::int4[], $13::timestamptz[]) WITH ORDINALITY AS s(affiliate_id, program_id, currency, clicks,
                conversions, refunds, revenue, refunded, score, last_event_at, n)
            ON CONFLICT (affiliate_id, program_id, currency) DO UPDATE SET clicks = a.clicks + excluded.clicks,
                conversions = a.conversions + excluded.conversions, refunds = a.refunds + excluded.refunds,
                revenue_minor = a.revenue_minor + excluded.revenue_minor,
                refunded_minor = a.refunded_minor + excluded.refunded_minor, score_tenths = excluded.score_tenths,
                components = excluded.components, model_version = excluded.model_version,
                last_event_at = GREATEST(a.last_event_at, excluded.last_event_at)
            """, .texts(scored.map { $0.key.affiliateID }), .texts(scored.map { $0.key.programID }),
            .texts(scored.map { $0.key.currency.code }), .int8s(scored.map { $0.added.clicks }),
            .int8s(scored.map { $0.added.conversions }), .int8s(scored.map { $0.added.refunds }),
            .int8s(scored.map { $0.added.revenueMinor }), .int8s(scored.map { $0.added.refundedMinor }),
            .int4s(scored.map { $0.score.tenths }), .int4s(scored.flatMap { $0.score.components }),
            .int4(Int32(width)), .int4(AffiliateScore.modelVersion),
            .timestamps(scored.map { $0.lastEventAt.microsecondsSinceEpoch }))
    }
}
