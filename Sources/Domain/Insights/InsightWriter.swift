/// Writes what is worth telling of a programme's ranking, in one currency.
public struct InsightWriter: Sendable {
    /// An affiliate's place in a ranking, as it was stored.
    public struct Place: Hashable, Sendable {
        public let affiliateID: String
        public let rank: Int64
        public let expectedMinor: Int64
        public let lowMinor: Int64
        public let highMinor: Int64
        public let isLowSample: Bool
        /// Ten-thousandths of logarithms, in the order of `AffiliateRanking.Factor`.
        public let contributions: [Int32]

        public init(
            affiliateID: String, rank: Int64, expectedMinor: Int64, lowMinor: Int64, highMinor: Int64,
            isLowSample: Bool, contributions: [Int32]
        ) {
            self.affiliateID = affiliateID
            self.rank = rank
            self.expectedMinor = expectedMinor
            self.lowMinor = lowMinor
            self.highMinor = highMinor
            self.isLowSample = isLowSample
            self.contributions = contributions
        }
    }

    /// What came through a sub-id of an affiliate in the last `channelDays` days.
    public struct Channel: Hashable, Sendable {
        public let affiliateID: String
        public let subID: String
        public let clicks: Int64
        public let orders: Int64
        public let revenueMinor: Int64

        public init(affiliateID: String, subID: String, clicks: Int64, orders: Int64, revenueMinor: Int64) {
            self.affiliateID = affiliateID
            self.subID = subID
            self.clicks = clicks
            self.orders = orders
            self.revenueMinor = revenueMinor
        }
    }

    public static let channelDays: Int32 = 14
    /// How far back a place is compared with.
    public static let moverDays: Int32 = 7
    /// Insights of one kind.
    static let countOfKind = 3
    /// An affiliate that keeps less than this of what is usual is told of.
    static let lossRatio = 0.85
    /// A sub-id is told of from this many orders and this many times the usual revenue of a click on.
    static let channelOrders: Int64 = 20
    static let channelRatio = 1.5
    private static let horizon = "\(Int(AffiliateRanking.horizonDays)) days"
    /// Clicks of the programme's own rate that are added to a sub-id's.
    static let channelPriorClicks = 200.0

    let programID: String
    let currency: Currency
    /// The day that the ranking is of.
    let day: Int32

    public init(programID: String, currency: Currency, day: Int32) {
        self.programID = programID
        self.currency = currency
        self.day = day
    }

    /// - Parameters:
    ///   - places: of `day`.
    ///   - before: of `moverDays` earlier; empty if there was no ranking.
    /// - Returns: the weightiest first, at most `countOfKind` of a kind.
    public func insights(_ places: [Place], before: [Place], channels: [Channel]) -> [Insight] {
        var insights = forecast(places) + losses(places) + movers(places, before) + best(channels)
        insights.sort { ($1.weightMinor, $0.sentence) < ($0.weightMinor, $1.sentence) }
        var told: [Insight.Kind: Int] = [:]
        return insights.filter { insight in
            told[insight.kind, default: 0] += 1
            return told[insight.kind, default: 0] <= InsightWriter.countOfKind
        }
    }

    private func forecast(_ places: [Place]) -> [Insight] {
        let mean = places.reduce(0.0) { $0 + Double($1.expectedMinor) }
        guard mean >= 1 else { return [] }
        // Affiliates are taken to do well or badly independently, so variances add up.
        let variance = places.reduce(0.0) { $0 + InsightWriter.variance(of: $1) }
        let (low, high) = AffiliateRanking.interval(mean: mean, variance: variance)
        let sentence = """
            \(programID) is expected to bring \(amount(mean)) net in the \(InsightWriter.horizon) after \
            \(CivilDate(daysSinceEpoch: day).text), with a probability of 80 % between \(amount(low)) and \
            \(amount(high)).
            """
        return [
            Insight(kind: .forecast, affiliateID: nil, channel: nil, sentence: sentence, weightMinor: Int64(mean))
        ]
    }

    /// Of a lognormal whose 80 % lie between the two ends.
    private static func variance(of place: Place) -> Double {
        guard place.lowMinor > 0, place.highMinor > place.lowMinor else { return 0 }
        let ratio = Elementary.log(Double(place.highMinor) / Double(place.lowMinor))
        let spread = ratio / (2 * AffiliateRanking.quantile)
        let mean = Double(place.expectedMinor)
        return mean * mean * (Elementary.exp(spread * spread) - 1)
    }

    private func losses(_ places: [Place]) -> [Insight] {
        places.compactMap { place in
            guard !place.isLowSample, let kept = place.ratio(.keptShare), kept < InsightWriter.lossRatio else {
                return nil
            }
            let lost = Double(place.expectedMinor) / kept - Double(place.expectedMinor)
            let sentence = """
                {affiliate} keeps \(percent(1 - kept)) less of its orders in \(programID) than is usual: at its pace \
                that is \(amount(lost)) of the next \(InsightWriter.horizon).
                """
            return Insight(
                kind: .loss, affiliateID: place.affiliateID, channel: nil, sentence: sentence, weightMinor: Int64(lost))
        }
    }

    private func movers(_ places: [Place], _ before: [Place]) -> [Insight] {
        let earlier = Dictionary(before.map { ($0.affiliateID, $0) }) { first, _ in first }
        let distance = max(3, Int64(places.count / 10))
        return places.compactMap { place in
            guard let old = earlier[place.affiliateID], !place.isLowSample, !old.isLowSample,
                abs(place.rank - old.rank) >= distance, let reason = reason(from: old, to: place)
            else { return nil }
            let rises = place.rank < old.rank
            let sentence = """
                {affiliate} \(rises ? "rose" : "fell") from rank \(old.rank) to \(place.rank) in \(programID) within \
                \(InsightWriter.moverDays) days, most of all by \(reason).
                """
            return Insight(
                kind: rises ? .rise : .fall, affiliateID: place.affiliateID, channel: nil, sentence: sentence,
                weightMinor: abs(place.expectedMinor - old.expectedMinor))
        }
    }

    /// The factor that moved the most in the direction of the move.
    private func reason(from old: Place, to new: Place) -> String? {
        let sign = new.rank < old.rank ? 1.0 : -1.0
        let changes = AffiliateRanking.Factor.allCases.compactMap { factor in
            old.ratio(factor).flatMap { before in new.ratio(factor).map { (factor, $0 / before) } }
        }
        guard let (factor, change) = changes.max(by: { sign * $0.1 < sign * $1.1 }), sign * (change - 1) > 0 else {
            return nil
        }
        let size = percent(abs(change - 1))
        return switch factor {
        case .orders: change > 1 ? "\(size) more orders a day" : "\(size) fewer orders a day"
        case .orderValue: change > 1 ? "orders worth \(size) more" : "orders worth \(size) less"
        case .keptShare: change > 1 ? "\(size) more kept of its orders" : "\(size) less kept of its orders"
        case .fraud: change > 1 ? "\(size) more trust" : "\(size) less trust"
        }
    }

    private func best(_ channels: [Channel]) -> [Insight] {
        let clicks = channels.reduce(0.0) { $0 + Double($1.clicks) }
        guard clicks > 0 else { return [] }
        let usual = channels.reduce(0.0) { $0 + Double($1.revenueMinor) } / clicks
        guard usual > 0 else { return [] }
        return channels.compactMap { channel in
            let prior = InsightWriter.channelPriorClicks
            let rate = (Double(channel.revenueMinor) + prior * usual) / (Double(channel.clicks) + prior)
            guard channel.orders >= InsightWriter.channelOrders, rate >= InsightWriter.channelRatio * usual else {
                return nil
            }
            let sentence = """
                Clicks of {channel} of {affiliate} bring \(amount(rate)) each in \(programID), where \(amount(usual)) \
                is usual: \(channel.orders) orders of \(channel.clicks) clicks in \(InsightWriter.channelDays) days.
                """
            return Insight(
                kind: .channel, affiliateID: channel.affiliateID, channel: channel.subID, sentence: sentence,
                weightMinor: Int64((rate - usual) * Double(channel.clicks)))
        }
    }

    /// As in `0.53 USD` or `12,345 USD`: of large amounts nobody reads the minor units.
    private func amount(_ minorUnits: Double) -> String {
        let decimal = Money(minorUnits: Int64(minorUnits.rounded()), currency: currency).decimal
        let whole = decimal.prefix { $0 != "." }
        guard whole.count > 3 else { return "\(decimal) \(currency.code)" }
        var grouped = ""
        for (position, digit) in whole.enumerated() {
            if position > 0, (whole.count - position).isMultiple(of: 3) { grouped.append(",") }
            grouped.append(digit)
        }
        return "\(grouped) \(currency.code)"
    }

    private func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
}

extension InsightWriter.Place {
    /// The factor over what is usual.
    fileprivate func ratio(_ factor: AffiliateRanking.Factor) -> Double? {
        guard let index = AffiliateRanking.Factor.allCases.firstIndex(of: factor), index < contributions.count else {
            return nil
        }
        return Elementary.exp(Double(contributions[index]) / 10_000)
    }
}
