import Domain
import Postgres

/// The figures of the dashboard, for its page and for `GET /dashboard-metrics`.
struct DashboardMetrics: Encodable, Sendable {
    struct CurrencyTotal: Encodable, Sendable {
        let currency: String
        var revenueMinor: Int64 = 0
        var refundedMinor: Int64 = 0
        var commissionMinor: Int64 = 0
    }

    struct Day: Encodable, Sendable {
        let day: String
        var clicks: Int64 = 0
        var conversions: Int64 = 0
        var refunds: Int64 = 0
    }

    struct PayoutCounts: Encodable, Sendable {
        /// Paid, also where the time for a bank return is not over.
        var processed: Int64 = 0
        /// On their way, or waiting for somebody.
        var pending: Int64 = 0
        /// Waiting for an approval; part of `pending`.
        var awaitingApproval: Int64 = 0
        /// Ended without, or lost, their money.
        var failed: Int64 = 0
    }

    static let topAffiliatesCount = 10

    let asOf: String
    /// First and last day of the figures; nil: no limit.
    let from: String?
    let to: String?
    let clicks: Int64
    let conversions: Int64
    let refunds: Int64
    let totals: [CurrencyTotal]
    /// Every day between the first and the last with an event, also those without one.
    let conversionTrend: [Day]
    let payouts: PayoutCounts
    let payoutDistribution: [PayoutTotal]
    let topAffiliates: [AffiliatePerformance]
    let freshness: Freshness

    /// - Parameters:
    ///   - from: first day, UTC.
    ///   - to: last day, UTC.
    static func load(
        from: Int32?, to: Int32?, watermarks: [PartitionWatermark], at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> DashboardMetrics {
        let days = try DashboardQueries.days(from: from, to: to, in: transaction)
        let payouts = try DashboardQueries.payouts(in: transaction)
        let ranking = AffiliateFilter(from: from, to: to, limit: topAffiliatesCount)
        let affiliates = try AffiliateQueries.performance(ranking, in: transaction)
        let positions = try FleetQueries.positions(watermarks: watermarks, in: transaction)
        return DashboardMetrics(
            asOf: now.rfc3339, from: from.map(Timestamp.dayText), to: to.map(Timestamp.dayText),
            clicks: days.reduce(0) { $0 + $1.clicks }, conversions: days.reduce(0) { $0 + $1.conversions },
            refunds: days.reduce(0) { $0 + $1.refunds }, totals: totals(of: days), conversionTrend: trend(of: days),
            payouts: counts(of: payouts), payoutDistribution: payouts,
            topAffiliates: Array(affiliates.prefix(topAffiliatesCount)), freshness: Freshness(positions, at: now))
    }

    private static func totals(of days: [DayTotal]) -> [CurrencyTotal] {
        var totals: [String: CurrencyTotal] = [:]
        for day in days {
            totals[day.currency, default: CurrencyTotal(currency: day.currency)].revenueMinor += day.revenueMinor
            totals[day.currency]?.refundedMinor += day.refundedMinor
            totals[day.currency]?.commissionMinor += day.commissionMinor
        }
        return totals.values.sorted { $0.currency < $1.currency }
    }

    private static func trend(of days: [DayTotal]) -> [Day] {
        guard let first = days.first?.day, let last = days.last?.day else { return [] }
        var trend = (first...last).map { Day(day: Timestamp.dayText($0)) }
        for total in days {
            let index = Int(total.day - first)
            trend[index].clicks += total.clicks
            trend[index].conversions += total.conversions
            trend[index].refunds += total.refunds
        }
        return trend
    }

    private static func counts(of payouts: [PayoutTotal]) -> PayoutCounts {
        var counts = PayoutCounts()
        for total in payouts {
            switch PayoutState(rawValue: total.state) {
            case .paid, .final: counts.processed += total.payouts
            case .rejected, .failed, .returned, .canceled, nil: counts.failed += total.payouts
            case .awaitingApproval:
                counts.awaitingApproval += total.payouts
                counts.pending += total.payouts
            case .reserved, .submitting, .unknown, .manual, .declined, .submitted, .canceling, .inTransit:
                counts.pending += total.payouts
            }
        }
        return counts
    }
}
