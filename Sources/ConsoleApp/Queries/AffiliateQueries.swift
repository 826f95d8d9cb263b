import Domain
import Postgres

/// An affiliate in one programme and currency, as its score ranks it.
struct AffiliatePerformance: Encodable, Sendable {
    let rank: Int64
    let affiliateId: String
    let name: String
    let status: String
    let fraudVerdict: String
    let programId: String
    let currency: String
    let scoreTenths: Int32
    /// What adds up to the score.
    let components: [ScorePart]
    let modelVersion: Int32
    let clicks: Int64
    let conversions: Int64
    let refunds: Int64
    let revenueMinor: Int64
    let refundedMinor: Int64
    let commissionMinor: Int64

    var cursor: Cursor { Cursor(String(scoreTenths), affiliateId, programId, currency) }
}

/// What one component adds to a score.
struct ScorePart: Encodable, Sendable {
    let name: String
    let tenths: Int32
    /// The most that it could add.
    let weightTenths: Int32

    /// - Parameter stored: in the order of `AffiliateScore.Component`.
    static func parts(_ stored: [Int32]) -> [ScorePart] {
        zip(AffiliateScore.Component.allCases, stored).map { component, tenths in
            ScorePart(name: component.rawValue, tenths: tenths, weightTenths: component.weightTenths)
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
    var limit = Form.limitDefault
    /// Four fields: score, affiliate, programme, currency.
    var cursor: Cursor?
}

/// Affiliates by score.
enum AffiliateQueries {
    /// - Returns: up to one row more than `filter.limit`. The figures are those of the period, score and rank
    ///   are today's.
    static func performance(
        _ filter: AffiliateFilter, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [AffiliatePerformance] {
        let after = filter.cursor?.fields
        return try transaction.query(
            """
            WITH period AS (
                SELECT affiliate_id, program_id, currency, sum(clicks)::bigint AS clicks,
                    sum(conversions)::bigint AS conversions, sum(refunds)::bigint AS refunds,
                    sum(revenue_minor)::bigint AS revenue, sum(refunded_minor)::bigint AS refunded,
                    sum(commission_minor)::bigint AS commission
                FROM affiliate_day
                WHERE ($1::text IS NULL OR program_id = $1)
                    AND ($2::date IS NULL OR day >= $2) AND ($3::date IS NULL OR day <= $3)
                GROUP BY affiliate_id, program_id, currency
            ), ranked AS (
                SELECT row_number() OVER (ORDER BY score_tenths DESC, affiliate_id, program_id, currency) AS rank, s.*
                FROM affiliate_score s WHERE $1::text IS NULL OR program_id = $1
            )
            SELECT r.rank, r.affiliate_id, a.name, a.status, a.fraud_verdict, r.program_id, r.currency, r.score_tenths,
                r.components, r.model_version, COALESCE(p.clicks, 0), COALESCE(p.conversions, 0),
                COALESCE(p.refunds, 0), COALESCE(p.revenue, 0), COALESCE(p.refunded, 0), COALESCE(p.commission, 0)
            FROM ranked r JOIN affiliate a USING (affiliate_id)
                LEFT JOIN period p USING (affiliate_id, program_id, currency)
            WHERE (p.affiliate_id IS NOT NULL OR ($2::date IS NULL AND $3::date IS NULL))
                AND ($4::integer IS NULL
                    OR (-r.score_tenths, r.affiliate_id, r.program_id, r.currency)
                        > (-$4, $5::text, $6::text, $7::text))
            ORDER BY r.score_tenths DESC, r.affiliate_id, r.program_id, r.currency LIMIT $8
            """, .optionalText(filter.programID), .optionalDate(filter.from), .optionalDate(filter.to),
            .optionalInt4(after.flatMap { Int32($0[0]) }), .optionalText(after?[1]), .optionalText(after?[2]),
            .optionalText(after?[3]), .int8(Int64(filter.limit) + 1), decode: decode)
    }

    private static func decode(_ row: borrowing Row) throws(PostgresError) -> AffiliatePerformance {
        AffiliatePerformance(
            rank: try row.int8(0), affiliateId: try row.text(1), name: try row.text(2), status: try row.text(3),
            fraudVerdict: try row.text(4), programId: try row.text(5), currency: try row.text(6),
            scoreTenths: try row.int4(7), components: ScorePart.parts(try row.int4s(8)), modelVersion: try row.int4(9),
            clicks: try row.int8(10), conversions: try row.int8(11), refunds: try row.int8(12),
            revenueMinor: try row.int8(13), refundedMinor: try row.int8(14), commissionMinor: try row.int8(15))
    }
}
