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
    /// Its conversions.
    let address: String
    let program: String
    /// What that one pays.
    let programAddress: String
    let verdict: StateLabel?
    let score: String
    let scoreBar: String
    let components: String
    let clicks: String
    let conversions: String
    let rate: String
    let refunds: String
    let currency: String
    let revenue: String
    let commission: String

    init(_ row: AffiliatePerformance) {
        rank = Figures.count(row.rank)
        name = row.name
        id = row.affiliateId
        address =
            "/console/conversions"
            + PercentEncoding.query(["affiliate_id": row.affiliateId, "program_id": row.programId])
        program = row.programId
        programAddress = "/console/rules" + PercentEncoding.query(["program_id": row.programId])
        verdict =
            switch FraudVerdict(rawValue: row.fraudVerdict) {
            case .review: StateLabel("Review", tone: .waiting)
            case .hold: StateLabel("Hold", tone: .bad)
            case .clear, nil: nil
            }
        score = Figures.tenths(row.scoreTenths)
        let parts = row.components.map { part in
            (label: "\(StateLabel.words(part.name)) \(Figures.tenths(part.tenths))", value: Int64(part.tenths))
        }
        components = parts.map(\.label).joined(separator: ", ")
        scoreBar = ShareBar.stacked(
            parts.enumerated().map { index, part in
                ShareBar.Part(label: part.label, value: part.value, style: "part part-\(index)")
            }, of: 1_000, label: "Score \(Figures.tenths(row.scoreTenths)) of 100")
        clicks = Figures.count(row.clicks)
        conversions = Figures.count(row.conversions)
        rate = Figures.share(row.conversions, of: row.clicks)
        refunds = Figures.count(row.refunds)
        currency = row.currency
        revenue = Figures.amount(row.revenueMinor, row.currency)
        commission = Figures.amount(row.commissionMinor, row.currency)
    }
}
