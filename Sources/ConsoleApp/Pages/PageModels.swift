import Domain

/// The dashboard as its template shows it.
struct DashboardPage: Sendable {
    struct Tile: Sendable {
        let label: String
        let value: String
        let note: String
        let address: String?
    }

    struct MoneyRow: Sendable {
        let currency: String
        let revenue: String
        let refunded: String
        let commission: String
    }

    struct PayoutRow: Sendable {
        let state: StateLabel
        let currency: String
        let count: String
        let amount: String
        let bar: String
    }

    struct Range: Sendable {
        let label: String
        let address: String
        let isCurrent: Bool
    }

    let ranges: [Range]
    let period: String
    let tiles: [Tile]
    let money: [MoneyRow]
    let trend: TrendChart.View
    let payouts: [PayoutRow]
    let affiliates: [AffiliateView]
    let isNew: Bool

    /// Days that the trend draws; the figures are those of the whole period.
    private static let trendDaysMaximum = 400

    init(_ metrics: DashboardMetrics, ranges: [Range]) {
        self.ranges = ranges
        isNew = metrics.conversionTrend.isEmpty && metrics.payoutDistribution.isEmpty
        let days = metrics.conversionTrend
        period = days.isEmpty ? "No events yet" : "\(days.first?.day ?? "") to \(days.last?.day ?? ""), UTC days"
        tiles = DashboardPage.tiles(of: metrics)
        money = metrics.totals.map {
            MoneyRow(
                currency: $0.currency, revenue: Figures.amount($0.revenueMinor, $0.currency),
                refunded: Figures.amount($0.refundedMinor, $0.currency),
                commission: Figures.amount($0.commissionMinor, $0.currency))
        }
        trend =
            TrendChart(
                id: "trend", title: "Conversions per day", unit: "Conversions",
                points: days.suffix(DashboardPage.trendDaysMaximum).map { .init(label: $0.day, value: $0.conversions) }
            ).view
        let most = metrics.payoutDistribution.map(\.payouts).max() ?? 0
        payouts = metrics.payoutDistribution.map { total in
            let state = StateLabel(payoutState: total.state)
            return PayoutRow(
                state: state, currency: total.currency, count: Figures.count(total.payouts),
                amount: Figures.amount(total.amountMinor, total.currency),
                bar: ShareBar.single(
                    total.payouts, of: most, label: "\(total.payouts) payouts", style: "fill-" + state.tone))
        }
        affiliates = metrics.topAffiliates.map(AffiliateView.init)
    }

    private static func tiles(of metrics: DashboardMetrics) -> [Tile] {
        [
            Tile(
                label: "Conversions", value: Figures.count(metrics.conversions),
                note: Figures.share(metrics.conversions, of: metrics.clicks) + " of "
                    + Figures.count(metrics.clicks) + " clicks", address: nil),
            Tile(
                label: "Refunds", value: Figures.count(metrics.refunds),
                note: Figures.share(metrics.refunds, of: metrics.conversions) + " of conversions", address: nil),
            Tile(
                label: "Payouts processed", value: Figures.count(metrics.payouts.processed),
                note: Figures.count(metrics.payouts.failed) + " failed or rejected", address: "/console/payouts"),
            Tile(
                label: "Payouts pending", value: Figures.count(metrics.payouts.pending),
                note: Figures.count(metrics.payouts.awaitingApproval) + " await approval",
                address: "/console/payouts?state=awaiting_approval"),
        ]
    }
}

/// An affiliate in a ranking.
struct AffiliateView: Sendable {
    let rank: String
    let name: String
    let id: String
    /// How it did day by day.
    let address: String
    let program: String
    /// What that one pays.
    let programAddress: String
    let verdict: StateLabel?
    let isLowSample: Bool
    /// Net revenue that is expected of the next 15 days, and the interval around it.
    let expected: String
    let interval: String
    let factors: [Factor]
    let clicks: String
    let conversions: String
    let rate: String
    let refunds: String
    let currency: String
    let revenue: String
    let commission: String

    /// What a factor does to the expected revenue.
    struct Factor: Sendable {
        let name: String
        let effect: String
        /// The name of a CSS class.
        let tone: String

        init(_ part: ScorePart) {
            name = StateLabel.words(part.name)
            effect = Figures.change(percent: part.percent)
            tone = part.percent > 0.5 ? "up" : part.percent < -0.5 ? "down" : "same"
        }
    }

    init(_ row: AffiliatePerformance) {
        rank = Figures.count(row.rank)
        name = row.name
        id = row.affiliateId
        address = "/console/affiliates/" + PercentEncoding.encode(row.affiliateId)
        program = row.programId
        programAddress = "/console/rules" + PercentEncoding.query(["program_id": row.programId])
        verdict =
            switch FraudVerdict(rawValue: row.fraudVerdict) {
            case .review: StateLabel("Review", tone: .waiting)
            case .hold: StateLabel("Hold", tone: .bad)
            case .clear, nil: nil
            }
        isLowSample = row.isLowSample
        expected = Figures.amount(row.expectedNetMinor, row.currency)
        interval =
            "\(Figures.amount(row.lowMinor, row.currency)) – \(Figures.amount(row.highMinor, row.currency))"
        factors = row.components.map(Factor.init)
        clicks = Figures.count(row.clicks)
        conversions = Figures.count(row.conversions)
        rate = Figures.share(row.conversions, of: row.clicks)
        refunds = Figures.count(row.refunds)
        currency = row.currency
        revenue = Figures.amount(row.revenueMinor, row.currency)
        commission = Figures.amount(row.commissionMinor, row.currency)
    }
}
