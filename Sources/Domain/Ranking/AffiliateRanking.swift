/// Ranks affiliates by the net revenue that they are expected to bring in the next days, with how sure that is.
///
/// | factor          | shrunk towards the programme's by |
/// |-----------------|-----------------------------------|
/// | orders a day    | six orders at the programme's conversion rate of its own visits |
/// | order value     | six orders |
/// | share kept      | eight orders |
///
/// Days weigh less with age, half after fourteen. Visits are clicks, or orders where more came without, and shrink by
/// three days; refunds still to come are extrapolated; the product is discounted by the probability that the affiliate
/// cheats.
public enum AffiliateRanking {
    /// Of the formulas above; a stored score keeps the version that made it.
    public static let modelVersion: Int32 = 2
    public static let halfLifeDays = 14.0
    public static let daysKept: Int32 = 60
    public static let horizonDays = 15.0
    static let exposureOfPrior = 5.0
    static let ordersOfPrior = 6.0
    /// Days of the programme's visits that are added to an affiliate's own.
    static let exposureOfVisits = 3.0
    static let ordersOfValue = 6.0
    static let ordersOfLoss = 8.0
    /// Mean days until a refund.
    static let lossDays = 6.0
    /// Of a cheat's orders, how many are taken to be fraud: most also have honest ones.
    static let fraudShare = 0.7
    /// Of an order's value around its mean, squared.
    static let valueVariation = 0.6
    /// Of the standard normal, for an interval of 80 %.
    static let quantile = 1.2816

    /// What an affiliate brought in a programme on one day, in one unit of money.
    public struct Day: Sendable, Hashable, Codable {
        public var clicks = 0.0
        public var orders = 0.0
        public var revenue = 0.0
        /// Of this day's orders, what was refunded or charged back since.
        public var lost = 0.0

        public init() {}
    }

    /// What an affiliate brought in one programme, and the probability that it cheats.
    public struct Member: Sendable {
        public let days: [Int32: Day]
        public let fraudProbability: Double

        public init(days: [Int32: Day], fraudProbability: Double) {
            self.days = days
            self.fraudProbability = fraudProbability
        }
    }

    /// What the score is the product of; kept with it, so that a change of rank can be told.
    public struct Components: Sendable, Hashable {
        public var ordersPerDay = 0.0
        public var orderValue = 0.0
        public var keptShare = 1.0
        public var fraudProbability = 0.0
        public var conversionRate = 0.0
        /// Orders a day of the last 14 days over those of the 28 before, both shrunk; 1 for no trend.
        public var trend = 1.0
    }

    /// The factors of a score, in the order of `Estimate.contributions`.
    public enum Factor: String, CaseIterable, Sendable {
        case orders
        case orderValue = "order_value"
        case keptShare = "kept_share"
        case fraud
    }

    public struct Entry: Sendable, Hashable {
        public let affiliate: UInt64
        /// Expected net revenue of the next 15 days.
        public let score: Double
        /// Its interval of 80 %.
        public let low: Double
        public let high: Double
        /// Orders that it rests on.
        public let sample: Int64
        /// Whether what is usual weighs more in it than what was seen.
        public let isLowSample: Bool
        /// By programme.
        public let components: [UInt64: Components]
    }

    /// What is usual in a programme.
    struct Usual {
        var ordersPerDay = 0.0
        var visitsPerDay = 0.0
        /// Of visits, those that buy.
        var visitorShare = 0.02
        var orderValue = 0.0
        var lossShare = 0.02
        var conversionRate = 0.02
    }

    /// - Parameters:
    ///   - days: by affiliate and programme; of days after `day` nothing may be in them.
    ///   - fraud: the probability that an affiliate cheats, as of `day`.
    /// - Returns: the best first.
    public static func rank(
        _ days: [FraudPair: [Int32: Day]], asOf day: Int32, fraud: [UInt64: Double]
    ) -> [Entry] {
        var programs: [UInt64: [FraudPair]] = [:]
        for pair in days.keys.sorted() { programs[pair.program, default: []].append(pair) }
        var parts: [UInt64: [(program: UInt64, estimate: Estimate)]] = [:]
        for program in programs.keys.sorted() {
            let pairs = programs[program] ?? []
            let members = pairs.map {
                Member(days: days[$0] ?? [:], fraudProbability: fraud[$0.affiliate] ?? 0)
            }
            for (pair, estimate) in zip(pairs, estimates(members, asOf: day)) {
                parts[pair.affiliate, default: []].append((program, estimate))
            }
        }
        let entries = parts.map { affiliate, estimates in entry(affiliate, estimates) }
        return entries.sorted { ($1.score, $0.affiliate) < ($0.score, $1.affiliate) }
    }

    /// What is expected of each affiliate of one programme, in the order of `members`.
    public static func estimates(_ members: [Member], asOf day: Int32) -> [Estimate] {
        let sums = members.map { Decayed($0.days, asOf: day) }
        let usual = Usual(sums)
        return zip(members, sums).map { Estimate($1, usual, fraud: $0.fraudProbability) }
    }

    private static func entry(_ affiliate: UInt64, _ parts: [(program: UInt64, estimate: Estimate)]) -> Entry {
        let mean = parts.reduce(0) { $0 + $1.estimate.mean }
        let (low, high) = interval(mean: mean, variance: parts.reduce(0) { $0 + $1.estimate.variance })
        let weight = parts.reduce(0) { $0 + $1.estimate.orders }
        return Entry(
            affiliate: affiliate, score: mean, low: low, high: high,
            sample: Int64(weight.rounded()), isLowSample: parts.allSatisfy(\.estimate.isLowSample),
            components: Dictionary(parts.map { ($0.program, $0.estimate.components) }) { first, _ in first })
    }

    /// Of 80 %. A sum of positive things is skewed: it is that of a lognormal with the same mean and variance.
    static func interval(mean: Double, variance: Double) -> (low: Double, high: Double) {
        guard mean > 0 else { return (0, 0) }
        let spread = Elementary.log(1 + variance / (mean * mean))
        let middle = Elementary.exp(Elementary.log(mean) - spread / 2)
        let reach = Elementary.exp(quantile * spread.squareRoot())
        return (middle / reach, middle * reach)
    }
}

extension AffiliateRanking {
    /// Sums of days that weigh less with age.
    struct Decayed {
        var exposure = 0.0
        var clicks = 0.0
        /// Clicks, or orders where more came without.
        var visits = 0.0
        var orders = 0.0
        var revenue = 0.0
        var lost = 0.0
        /// Revenue of which the losses are known, by the share of losses that have come at its age.
        var matureRevenue = 0.0
        var seenOrders = 0.0
        var recent = (orders: 0.0, days: 0.0)
        var before = (orders: 0.0, days: 0.0)

        init(_ days: [Int32: Day], asOf day: Int32) {
            guard let first = days.keys.min() else { return }
            for date in max(first, day - daysKept + 1)...max(day, first) {
                let age = Double(day - date)
                let weight = Elementary.exp(-age * 0.693_147 / halfLifeDays)
                let entry = days[date] ?? Day()
                exposure += weight
                clicks += weight * entry.clicks
                visits += weight * max(entry.clicks, entry.orders)
                orders += weight * entry.orders
                revenue += weight * entry.revenue
                lost += entry.lost
                matureRevenue += entry.revenue * (1 - Elementary.exp(-(age + 0.5) / lossDays))
                seenOrders += entry.orders
                if age < 14 {
                    recent = (recent.orders + entry.orders, recent.days + 1)
                } else if age < 42 {
                    before = (before.orders + entry.orders, before.days + 1)
                }
            }
        }
    }

    /// What is expected of one affiliate in one programme.
    ///
    /// The best first: those with few orders after all others, then by expected revenue.
    public struct Estimate: Sendable, Comparable {
        /// Expected net revenue of the next 15 days.
        public let mean: Double
        let variance: Double
        /// Orders that it rests on.
        public let orders: Double
        /// Whether what is usual weighs more in it than what was seen.
        public let isLowSample: Bool
        public let components: Components
        /// The natural logarithm of each factor over what is usual in the programme, in the order of `Factor`: they add
        /// up to that of the score over the usual one.
        public let contributions: [Double]

        /// The interval of 80 % around `mean`.
        public var interval: (low: Double, high: Double) {
            AffiliateRanking.interval(mean: mean, variance: variance)
        }

        init(_ sum: Decayed, _ usual: Usual, fraud: Double) {
            let visits =
                (sum.visits + exposureOfVisits * usual.visitsPerDay) / (sum.exposure + exposureOfVisits)
            let shape = sum.orders + ordersOfPrior
            var parts = Components()
            parts.ordersPerDay = shape / (sum.exposure + ordersOfPrior / max(visits * usual.visitorShare, 1e-9))
            parts.orderValue =
                (sum.revenue + ordersOfValue * usual.orderValue) / (sum.orders + ordersOfValue)
            let prior = ordersOfLoss * max(parts.orderValue, 1e-9)
            let loss = (sum.lost + prior * usual.lossShare) / (sum.matureRevenue + prior)
            parts.keptShare = 1 - min(0.95, loss)
            parts.fraudProbability = fraud
            parts.conversionRate =
                (sum.orders + 100 * usual.conversionRate) / (max(sum.clicks, sum.orders) + 100)
            let later = (sum.recent.orders + 2) / (sum.recent.days + 14)
            let earlier = (sum.before.orders + 2) / (sum.before.days + 14)
            parts.trend = sum.before.days >= 7 ? later / earlier : 1
            let kept = parts.orderValue * parts.keptShare * (1 - fraudShare * fraud)
            mean = horizonDays * parts.ordersPerDay * kept
            let expected = max(horizonDays * parts.ordersPerDay, 1e-9)
            let relative = 1 / max(shape, 0.5) + valueVariation / (sum.orders + ordersOfValue) + 1 / expected
            variance = mean * mean * relative
            orders = sum.seenOrders
            isLowSample = sum.exposure < exposureOfPrior || sum.orders < ordersOfValue
            components = parts
            contributions = Factor.allCases.map { factor in
                switch factor {
                case .orders: Estimate.logRatio(parts.ordersPerDay, usual.ordersPerDay)
                case .orderValue: Estimate.logRatio(parts.orderValue, usual.orderValue)
                case .keptShare: Estimate.logRatio(parts.keptShare, 1 - usual.lossShare)
                case .fraud: Elementary.log(1 - fraudShare * fraud)
                }
            }
        }

        public static func < (left: Estimate, right: Estimate) -> Bool {
            guard left.isLowSample == right.isLowSample else { return right.isLowSample }
            return left.mean > right.mean
        }

        public static func == (left: Estimate, right: Estimate) -> Bool {
            left.isLowSample == right.isLowSample && left.mean == right.mean
        }

        /// A programme without orders has nothing to compare with, and gives 0.
        private static func logRatio(_ value: Double, _ usual: Double) -> Double {
            guard value > 0, usual > 0 else { return 0 }
            return Elementary.log(value / usual)
        }
    }
}

extension AffiliateRanking.Usual {
    /// Weighted so that no affiliate counts more than a few days and orders.
    init(_ sums: [AffiliateRanking.Decayed]) {
        self.init()
        var (exposure, orders, revenue, valued, lost, mature) = (1e-9, 0.0, 0.0, 1e-9, 0.0, 1e-9)
        var (clicks, converted, visits) = (100.0, 2.0, 0.0)
        for sum in sums {
            // The most an affiliate may say about what is usual.
            let share = min(1, 20 / max(sum.orders, 1e-9))
            exposure += sum.exposure * share
            orders += sum.orders * share
            revenue += sum.revenue * share
            valued += sum.orders * share
            lost += sum.lost * share
            mature += sum.matureRevenue * share
            clicks += sum.clicks * share
            visits += sum.visits * share
            converted += sum.orders * share
        }
        ordersPerDay = orders / exposure
        visitsPerDay = visits / exposure
        visitorShare = orders / max(visits, 1e-9)
        orderValue = revenue / valued
        lossShare = min(0.5, lost / mature)
        conversionRate = min(1, converted / clicks)
    }
}
