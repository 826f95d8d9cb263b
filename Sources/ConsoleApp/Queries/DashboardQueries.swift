import Domain
import Postgres

/// What happened on one day in one currency.
struct DayTotal: Sendable {
    let day: Int32
    let currency: String
    let clicks: Int64
    let conversions: Int64
    let refunds: Int64
    let revenueMinor: Int64
    let refundedMinor: Int64
    let commissionMinor: Int64
}

/// How many payouts stand in one state, in one currency.
struct PayoutTotal: Encodable, Sendable {
    let state: String
    let currency: String
    let payouts: Int64
    let amountMinor: Int64
}

/// The aggregates behind the dashboard.
enum DashboardQueries {
    /// - Parameters:
    ///   - from: first day, nil for no limit.
    ///   - to: last day, nil for no limit.
    static func days(
        from: Int32?, to: Int32?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [DayTotal] {
        try transaction.query(
            """
            SELECT day, currency, sum(clicks)::bigint, sum(conversions)::bigint, sum(refunds)::bigint,
                sum(revenue_minor)::bigint, sum(refunded_minor)::bigint, sum(commission_minor)::bigint
            FROM affiliate_day
            WHERE ($1::date IS NULL OR day >= $1) AND ($2::date IS NULL OR day <= $2)
            GROUP BY day, currency ORDER BY day, currency
            """, .optionalDate(from), .optionalDate(to)
        ) { row in
            DayTotal(
                day: try row.date(0), currency: try row.text(1), clicks: try row.int8(2),
                conversions: try row.int8(3), refunds: try row.int8(4), revenueMinor: try row.int8(5),
                refundedMinor: try row.int8(6), commissionMinor: try row.int8(7))
        }
    }

    /// - Returns: the last day on which anything happened; nil in an empty database.
    static func newestDay(in transaction: borrowing Transaction) throws(PostgresError) -> Int32? {
        try transaction.query("SELECT max(day) FROM affiliate_day HAVING max(day) IS NOT NULL") {
            row in try row.date(0)
        }.first
    }

    static func payouts(in transaction: borrowing Transaction) throws(PostgresError) -> [PayoutTotal] {
        try transaction.query(
            """
            SELECT state, currency, count(*), sum(amount_minor)::bigint FROM payout
            GROUP BY state, currency ORDER BY state, currency
            """
        ) { row in
            PayoutTotal(
                state: try row.text(0), currency: try row.text(1), payouts: try row.int8(2),
                amountMinor: try row.int8(3))
        }
    }
}

extension PostgresValue {
    static func optionalDate(_ day: Int32?) -> PostgresValue {
        day.map { .date(daysSinceEpoch: $0) } ?? .null
    }
}
