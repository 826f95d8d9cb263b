import Domain
import Foundation
import Postgres

/// An affiliate in one programme and currency: its place there, what that is made of, and the figures of a period.
struct AffiliatePerformance: Encodable, Sendable {
    let rank: Int64
    let affiliateId: String
    let name: String
    let status: String
    let fraudVerdict: String
    let programId: String
    let currency: String
    /// The UTC day whose end the ranking is of.
    let asOf: String
    /// Net revenue that is expected of the 15 days after it.
    let expectedNetMinor: Int64
    /// Its interval of 80 %.
    let lowMinor: Int64
    let highMinor: Int64
    /// Orders that it rests on.
    let sample: Int64
    let isLowSample: Bool
    let components: [ScorePart]
    let conversionRate: Double
    /// Orders a day of two weeks over those of the four weeks before; 1 for no trend.
    let trend: Double
    let modelVersion: Int32
    let clicks: Int64
    let conversions: Int64
    let refunds: Int64
    let revenueMinor: Int64
    let refundedMinor: Int64
    let commissionMinor: Int64

    var cursor: Cursor { Cursor(String(rank), programId, currency) }
}

/// What one factor does to the expected revenue.
struct ScorePart: Encodable, Sendable {
    let name: String
    /// The natural logarithm of the factor over what is usual in the programme: those of all factors add up.
    let contribution: Double

    /// The same as a change in percent.
    var percent: Double { (exp(contribution) - 1) * 100 }

    /// - Parameter stored: in ten-thousandths, in the order of `AffiliateRanking.Factor`.
    static func parts(_ stored: [Int32]) -> [ScorePart] {
        zip(AffiliateRanking.Factor.allCases, stored).map { factor, value in
            ScorePart(name: factor.rawValue, contribution: Double(value) / 10_000)
        }
    }
}

/// The rows that a ranking shows.
struct AffiliateFilter: Sendable {
    var programID: String?
    /// First day, UTC; nil: from the beginning.
    var from: Int32?
    /// Last day, UTC; nil: until now.
    var to: Int32?
    /// The newest ranking that is not after this day, UTC; nil: the newest.
    var asOf: Int32?
    var limit = Form.limitDefault
    /// Three fields: rank, programme, currency.
    var cursor: Cursor?
}

/// Affiliates by rank. Ranks are of a programme and currency; the first of each come first.
enum AffiliateQueries {
    /// - Returns: up to one row more than `filter.limit`.
    static func performance(
        _ filter: AffiliateFilter, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [AffiliatePerformance] {
        let after = filter.cursor?.fields
        return try transaction.query(
            """
            WITH period AS (
                -- Clicks have no currency: they count in each that the affiliate is ranked in.
                SELECT affiliate_id, program_id, currency,
                    (sum(sum(clicks)) OVER (PARTITION BY affiliate_id, program_id))::bigint AS clicks,
                    sum(conversions)::bigint AS conversions, sum(refunds)::bigint AS refunds,
                    sum(revenue_minor)::bigint AS revenue, sum(refunded_minor)::bigint AS refunded,
                    sum(commission_minor)::bigint AS commission
                FROM affiliate_day
                WHERE ($1::text IS NULL OR program_id = $1)
                    AND ($2::date IS NULL OR day >= $2) AND ($3::date IS NULL OR day <= $3)
                GROUP BY affiliate_id, program_id, currency
            )
            SELECT r.rank::int8, r.affiliate_id, a.name, a.status, a.fraud_verdict, r.program_id, r.currency,
                r.day::text, r.expected_minor, r.low_minor, r.high_minor, r.orders, r.is_low_sample, r.contributions,
                r.conversion_rate, r.trend, r.model_version, COALESCE(p.clicks, 0), COALESCE(p.conversions, 0),
                COALESCE(p.refunds, 0), COALESCE(p.revenue, 0), COALESCE(p.refunded, 0), COALESCE(p.commission, 0)
            FROM affiliate_rank r JOIN affiliate a USING (affiliate_id)
                LEFT JOIN period p USING (affiliate_id, program_id, currency)
            WHERE r.day = (SELECT max(day) FROM affiliate_rank WHERE $4::date IS NULL OR day <= $4)
                AND ($1::text IS NULL OR r.program_id = $1)
                AND (p.affiliate_id IS NOT NULL OR ($2::date IS NULL AND $3::date IS NULL))
                AND ($5::integer IS NULL OR (r.rank, r.program_id, r.currency) > ($5, $6::text, $7::text))
            ORDER BY r.rank, r.program_id, r.currency LIMIT $8
            """, .optionalText(filter.programID), .optionalDate(filter.from), .optionalDate(filter.to),
            .optionalDate(filter.asOf), .optionalInt4(after.flatMap { Int32($0[0]) }), .optionalText(after?[1]),
            .optionalText(after?[2]), .int8(Int64(filter.limit) + 1), decode: decode)
    }

    private static func decode(_ row: borrowing Row) throws(PostgresError) -> AffiliatePerformance {
        AffiliatePerformance(
            rank: try row.int8(0), affiliateId: try row.text(1), name: try row.text(2), status: try row.text(3),
            fraudVerdict: try row.text(4), programId: try row.text(5), currency: try row.text(6),
            asOf: try row.text(7), expectedNetMinor: try row.int8(8), lowMinor: try row.int8(9),
            highMinor: try row.int8(10), sample: try row.int8(11), isLowSample: try row.bool(12),
            components: ScorePart.parts(try row.int4s(13)), conversionRate: try row.float8(14),
            trend: try row.float8(15), modelVersion: try row.int4(16), clicks: try row.int8(17),
            conversions: try row.int8(18), refunds: try row.int8(19), revenueMinor: try row.int8(20),
            refundedMinor: try row.int8(21), commissionMinor: try row.int8(22))
    }
}
