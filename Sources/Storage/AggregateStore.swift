import Domain
public import Postgres

/// The sums per affiliate and day, which charts and the ranking are made of.
public enum AggregateStore {
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
        let totals = days.map(\.added)
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
            .int8s(totals.map { $0.commissionMinor }))
    }
}
