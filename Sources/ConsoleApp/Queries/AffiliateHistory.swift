import Domain
import Postgres

/// How an affiliate stood in one programme and currency, day by day.
struct AffiliateHistory: Sendable {
    struct Day: Sendable {
        let day: String
        let rank: Int64
        let expectedMinor: Int64
        let lowMinor: Int64
        let highMinor: Int64
        let isLowSample: Bool
        let parts: [ScorePart]
    }

    static let daysMaximum: Int32 = 90

    let programID: String
    let currency: String
    /// In ascending order.
    let days: [Day]

    /// - Parameter asOf: the last day; nil for the newest.
    /// - Returns: one for each programme and currency that the affiliate is ranked in.
    static func load(
        of affiliateID: String, asOf: Int32?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [AffiliateHistory] {
        let rows = try transaction.query(
            """
            WITH places AS (SELECT DISTINCT program_id, currency FROM affiliate_day WHERE affiliate_id = $1),
            last AS (SELECT max(day) AS day FROM affiliate_rank WHERE $2::date IS NULL OR day <= $2)
            SELECT r.program_id, r.currency, r.day, r.rank::int8, r.expected_minor, r.low_minor, r.high_minor,
                r.is_low_sample, r.contributions
            FROM last CROSS JOIN places p JOIN affiliate_rank r USING (program_id, currency)
            WHERE r.affiliate_id = $1 AND r.day > last.day - $3 AND r.day <= last.day
            ORDER BY r.program_id, r.currency, r.day
            """, .text(affiliateID), .optionalDate(asOf), .int4(daysMaximum)
        ) { row throws(PostgresError) in
            (
                programID: try row.text(0), currency: try row.text(1),
                day: Day(
                    day: CivilDate(daysSinceEpoch: try row.date(2)).text, rank: try row.int8(3),
                    expectedMinor: try row.int8(4), lowMinor: try row.int8(5), highMinor: try row.int8(6),
                    isLowSample: try row.bool(7), parts: ScorePart.parts(try row.int4s(8)))
            )
        }
        return Dictionary(grouping: rows) { [$0.programID, $0.currency] }
            .map { AffiliateHistory(programID: $0[0], currency: $0[1], days: $1.map(\.day)) }
            .sorted { ($0.programID, $0.currency) < ($1.programID, $1.currency) }
    }
}

/// Who an affiliate is.
struct AffiliateHead: Sendable {
    let id: String
    let name: String
    let verdict: String
    let isBlocked: Bool
    let country: String?
    let joinedAt: String

    static func load(
        _ affiliateID: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> AffiliateHead? {
        try transaction.query(
            """
            SELECT affiliate_id, name, fraud_verdict, status = 'blocked', country, joined_at FROM affiliate
            WHERE affiliate_id = $1
            """, .text(affiliateID)
        ) { row throws(PostgresError) in
            AffiliateHead(
                id: try row.text(0), name: try row.text(1), verdict: try row.text(2), isBlocked: try row.bool(3),
                country: try row.textOrNull(4), joinedAt: try row.moment(5))
        }.first
    }
}
