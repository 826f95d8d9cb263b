/// How well an affiliate does in a programme: a weighted sum of four components, each kept with the score.
///
/// Every component runs from 0 to its weight. Rates are shrunk towards a prior by pseudo-counts, so ten clicks say less
/// than ten thousand. With n = max(clicks, conversions), net = revenue − refunded, all in integers, rounded down:
///
/// | component        | weight | value |
/// |------------------|-------:|-------|
/// | conversionRate   |    300 | r ÷ (r + 2 %), r = (conversions + 2) ÷ (n + 100) |
/// | earningsPerClick |    300 | e ÷ (e + 50), e = (net + 5,000) ÷ (n + 100) minor units |
/// | keptOrders       |    250 | 1 − 4f, at least 0, f = (refunds + 1) ÷ (conversions + 20) |
/// | volume           |    150 | conversions ÷ (conversions + 50) |
///
/// A component at its prior gives half its weight, except that orders are expected to be kept. A score is only
/// comparable within a currency, since earnings are in its minor units.
public struct AffiliateScore: Hashable, Sendable {
    /// Of the formulas above; a stored score keeps the version that made it.
    public static let modelVersion: Int32 = 1

    /// What an affiliate brought in one programme and currency, since its first event.
    public struct Totals: Hashable, Sendable {
        public var clicks: Int64
        public var conversions: Int64
        /// Refunds and chargebacks.
        public var refunds: Int64
        /// Minor units, before refunds.
        public var revenueMinor: Int64
        /// Minor units.
        public var refundedMinor: Int64

        public init(
            clicks: Int64 = 0, conversions: Int64 = 0, refunds: Int64 = 0, revenueMinor: Int64 = 0,
            refundedMinor: Int64 = 0
        ) {
            self.clicks = clicks
            self.conversions = conversions
            self.refunds = refunds
            self.revenueMinor = revenueMinor
            self.refundedMinor = refundedMinor
        }
    }

    /// The parts of the score, in the order of `components`.
    public enum Component: String, CaseIterable, Sendable {
        case conversionRate = "conversion_rate"
        case earningsPerClick = "earnings_per_click"
        case keptOrders = "kept_orders"
        case volume

        /// The most it adds to the score, in tenths; all together 1,000.
        public var weightTenths: Int32 {
            switch self {
            case .conversionRate, .earningsPerClick: 300
            case .keptOrders: 250
            case .volume: 150
            }
        }
    }

    /// 0 … 1,000, the sum of `components`.
    public let tenths: Int32
    /// What each component adds, in tenths, in the order of `Component.allCases`.
    public let components: [Int32]

    /// - Parameter totals: counts below 0 count as 0.
    public init(of totals: Totals) {
        let conversions = AffiliateScore.bounded(totals.conversions)
        let clicks = max(AffiliateScore.bounded(totals.clicks), conversions) + 100
        let revenue = AffiliateScore.bounded(totals.revenueMinor)
        let net = revenue - min(revenue, AffiliateScore.bounded(totals.refundedMinor))
        let orders = conversions + 20
        let refunds = min(4 * (AffiliateScore.bounded(totals.refunds) + 1), orders)
        // a ÷ (a + b) of two rates is the same of their numerators over a common denominator.
        components = [
            AffiliateScore.share(.conversionRate, 50 * (conversions + 2), against: clicks),
            AffiliateScore.share(.earningsPerClick, net + 5_000, against: 50 * clicks),
            AffiliateScore.share(.keptOrders, orders - refunds, against: refunds),
            AffiliateScore.share(.volume, conversions, against: 50),
        ]
        tenths = components.reduce(0, +)
    }

    /// Far above any true total, and small enough that no product below overflows.
    private static func bounded(_ value: Int64) -> UInt64 { UInt64(min(max(value, 0), 1 << 56)) }

    /// `part` ÷ (`part` + `rest`) of the component's weight, rounded down.
    private static func share(_ component: Component, _ part: UInt64, against rest: UInt64) -> Int32 {
        let weight = UInt64(component.weightTenths)
        return Int32((part + rest).dividingFullWidth(weight.multipliedFullWidth(by: part)).quotient)
    }
}
