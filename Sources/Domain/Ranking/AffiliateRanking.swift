/// Ranks affiliates by what they are expected to bring in the next days, with how sure that is.
///
/// Net revenue per day = clicks a day × conversion rate × order value × share that is kept, every factor shrunk towards
/// the programme's, days weighted by age, and all of it discounted by the probability of fraud.
public enum AffiliateRanking {
    static let halfLifeDays = 10.0
    static let daysKept: Int32 = 60
    static let orderWeight = 6.0
    static let lossWeight = 8.0
    /// Days after which a refund is hardly still to come.
    static let maturityDays = 14.0

    /// What an affiliate brought in a programme on one day, in one currency.
    public struct Day: Sendable, Hashable, Codable {
        public var clicks = 0.0
        public var orders = 0.0
        public var revenue = 0.0
        /// Of this day's orders: refunded, charged back or repeated.
        public var lost = 0.0

        public init() {}
    }

    public struct Entry: Sendable, Hashable {
        public let affiliate: UInt64
        /// Expected net revenue of the next 15 days, in the unit of the revenue.
        public let score: Double
        /// Its 80 % interval.
        public let low: Double
        public let high: Double
        /// Orders that it rests on.
        public let sample: Int64
        /// Whether what is usual weighs more than what was seen.
        public let isLowSample: Bool
        public let components: Components
    }

    /// What the score is the product of.
    public struct Components: Sendable, Hashable {
        public var ordersPerDay = 0.0
        public var orderValue = 0.0
        public var keptShare = 0.0
        public var fraudProbability = 0.0
        /// Of the last 14 days over the 28 before, shrunk; 1 for no trend.
        public var trend = 1.0
        public var conversionRate = 0.0
    }
}
