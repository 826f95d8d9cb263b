public import Domain
public import Postgres

/// The days that rankings are made of, and the rankings themselves.
public enum RankingStore {
    /// A ranking is of one programme and one currency of its orders.
    public struct Market: Hashable, Sendable {
        public let programID: String
        public let currency: Currency
    }

    /// An affiliate with what it brought in a market.
    public struct Candidate: Sendable {
        public let affiliateID: String
        public fileprivate(set) var days: [Int32: AffiliateRanking.Day] = [:]
    }

    /// The newest day with an event, but none after `today`: rankings follow the events, not the clock.
    /// - Returns: nil without any event.
    public static func newestDay(
        until today: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int32? {
        try transaction.query(
            "SELECT max(day) FROM affiliate_day WHERE day <= $1 HAVING max(day) IS NOT NULL",
            .date(daysSinceEpoch: today)
        ) { row throws(PostgresError) in try row.date(0) }.first
    }

    /// The markets with orders near `day` that were not ranked as of `day` since `moment`.
    public static func due(
        asOf day: Int32, notSince moment: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Market] {
        try transaction.query(
            """
            -- Few markets are looked up among the ranks, and not each affiliate's day beside each affiliate's rank.
            WITH market AS MATERIALIZED (
                SELECT DISTINCT program_id, currency FROM affiliate_day WHERE day BETWEEN $1 AND $2 AND conversions > 0
            )
            SELECT program_id, currency FROM market m
            WHERE NOT EXISTS (SELECT FROM affiliate_rank r WHERE r.program_id = m.program_id
                AND r.currency = m.currency AND r.day = $2 AND r.ranked_at > $3)
            ORDER BY program_id, currency
            """, .date(daysSinceEpoch: day - AffiliateRanking.daysKept + 1), .date(daysSinceEpoch: day),
            .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in Market(programID: try row.text(0), currency: try row.currency(1)) }
    }

    /// Whoever ranks a market does so alone.
    /// - Returns: false if another session ranks it now.
    public static func reserve(
        _ market: Market, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.query(
            "SELECT pg_try_advisory_xact_lock(hashtextextended('ranking ' || $1 || ' ' || $2, 0))",
            .text(market.programID), .text(market.currency.code)
        ) { row throws(PostgresError) in try row.bool(0) }.first == true
    }

    /// Clicks have no currency: they count in each in which the programme has orders.
    /// - Returns: in the order of their ids.
    public static func candidates(
        _ market: Market, asOf day: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Candidate] {
        let rows = try transaction.query(
            """
            SELECT affiliate_id, day, sum(clicks)::int8,
                COALESCE(sum(conversions) FILTER (WHERE currency = $2), 0)::int8,
                COALESCE(sum(revenue_minor) FILTER (WHERE currency = $2), 0)::int8,
                COALESCE(sum(refunded_minor) FILTER (WHERE currency = $2), 0)::int8
            FROM affiliate_day WHERE program_id = $1 AND day BETWEEN $3 AND $4
            GROUP BY affiliate_id, day ORDER BY affiliate_id
            """, .text(market.programID), .text(market.currency.code),
            .date(daysSinceEpoch: day - AffiliateRanking.daysKept + 1), .date(daysSinceEpoch: day), decode: decode)
        var candidates: [Candidate] = []
        for row in rows {
            if candidates.last?.affiliateID != row.affiliateID {
                candidates.append(Candidate(affiliateID: row.affiliateID))
            }
            candidates[candidates.count - 1].days[row.day] = row.brought
        }
        return candidates
    }

    /// The probability that an affiliate cheats, as it was judged last by the end of `day`; those never judged are
    /// missing.
    public static func fraudProbabilities(
        of affiliateIDs: [String], asOf day: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: Double] {
        let judged = try transaction.query(
            """
            SELECT a.id, j.probability FROM unnest($1::text[]) AS a (id) CROSS JOIN LATERAL (
                SELECT probability FROM fraud_judgement WHERE affiliate_id = a.id AND day <= $2
                ORDER BY day DESC LIMIT 1) j
            """, .texts(affiliateIDs), .date(daysSinceEpoch: day)
        ) { row throws(PostgresError) in (try row.text(0), try row.float8(1)) }
        return Dictionary(judged) { first, _ in first }
    }

    private struct DayRow {
        let affiliateID: String
        let day: Int32
        let brought: AffiliateRanking.Day
    }

    private static func decode(_ row: borrowing Row) throws(PostgresError) -> DayRow {
        var brought = AffiliateRanking.Day()
        brought.clicks = Double(try row.int8(2))
        brought.orders = Double(try row.int8(3))
        brought.revenue = Double(try row.int8(4))
        brought.lost = Double(try row.int8(5))
        return DayRow(affiliateID: try row.text(0), day: try row.date(1), brought: brought)
    }

    /// Puts a market's ranking in the place of the one of the same day.
    ///
    /// - Parameter ranked: the best first.
    public static func save(
        _ ranked: [(affiliateID: String, estimate: AffiliateRanking.Estimate)], _ market: Market, asOf day: Int32,
        at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            "DELETE FROM affiliate_rank WHERE program_id = $1 AND currency = $2 AND day = $3",
            .text(market.programID), .text(market.currency.code), .date(daysSinceEpoch: day))
        try transaction.copy(
            into: """
                COPY affiliate_rank (program_id, currency, day, affiliate_id, rank, expected_minor, low_minor,
                high_minor, orders, is_low_sample, contributions, conversion_rate, trend, model_version, ranked_at)
                FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for (index, entry) in ranked.enumerated() {
                let (low, high) = entry.estimate.interval
                rows.beginRow(columns: 15)
                rows.text(market.programID)
                rows.text(market.currency.code)
                rows.date(day)
                rows.text(entry.affiliateID)
                rows.int4(Int32(index + 1))
                for amount in [entry.estimate.mean, low, high] { rows.int8(Int64(amount.rounded())) }
                rows.int8(Int64(entry.estimate.orders.rounded()))
                rows.bool(entry.estimate.isLowSample)
                rows.value(.int4s(entry.estimate.contributions.map { Int32(($0 * 10_000).rounded()) }))
                rows.float8(entry.estimate.components.conversionRate)
                rows.float8(entry.estimate.components.trend)
                rows.int4(AffiliateRanking.modelVersion)
                rows.timestamp(now.microsecondsSinceEpoch)
            }
        }
    }
}
