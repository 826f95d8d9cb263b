/// What a made world is drawn from; every number in it is drawn anew from the seed, so that no constant can be fitted.
public struct WorldPlan: Sendable {
    public var seed: UInt64
    /// Cheats to draw from.
    public var cheats: [CheatKind]
    public var affiliates: ClosedRange<Int>
    public var days: ClosedRange<Int>
    /// How wide intensities are drawn; a world to test on may be drawn wider.
    public var intensity: ClosedRange<Double>

    public init(
        seed: UInt64, cheats: [CheatKind] = CheatKind.allCases, affiliates: ClosedRange<Int> = 40...100,
        days: ClosedRange<Int> = 25...45, intensity: ClosedRange<Double> = 0.15...4
    ) {
        self.seed = seed
        self.cheats = cheats
        self.affiliates = affiliates
        self.days = days
        self.intensity = intensity
    }
}

/// A programme of a made world.
struct WorldProgram {
    let id: String
    let currency: String
    let conversion: Double
    /// Of the time from click to order, in seconds.
    let timeMedian: Double
    let timeSigma: Double
    /// Share of buyers who come back days later.
    let lateShare: Double
    let amountMedian: Double
    let amountSigma: Double
    let pricePoints: [Int64]
    let pricePointShare: Double
    let limit: Int64
    let countries: [String]
    let countryWeights: [Double]
    let refundRate: Double
    let refundDays: Double
    let chargebackRate: Double
    let returningShare: Double
    /// Shares of events that lack a field.
    let missing: [Field: Double]
    let crossDevice: Double
    let movesNetwork: Double
    let unattributed: Double
    let clicksAgain: Double
    let referrerless: Double
    /// What goes wrong, or is merely odd, with honest visitors too.
    let travels: Double
    let lostClicks: Double
    let ordersAgain: Double
    let buysAtOnce: Double
    let previews: Double
    let hosted: Double
    let household: Double
    let publicCoupons: [String]

    enum Field: CaseIterable { case device, customer, agent, referrer, landing, country, ip, subID, newness, click }

    static let markets = [
        "US", "GB", "DE", "FR", "ES", "IT", "NL", "PL", "BR", "MX", "JP", "AU", "CA", "IN", "SE", "TR", "ID", "ZA",
    ]

    init(number: Int, dice: inout Dice) {
        id = "prog-\(number)-\(dice.word(4))"
        currency = dice.pick(["USD", "EUR", "GBP", "JPY", "USD", "EUR"])
        conversion = dice.scale(0.008...0.1)
        timeMedian = dice.scale(70...20_000)
        timeSigma = dice.within(0.9...1.9)
        lateShare = dice.within(0.03...0.35)
        amountMedian = dice.scale(1_200...30_000)
        amountSigma = dice.within(0.3...1)
        pricePoints = (0..<dice.whole(3...14)).map { [amountMedian, amountSigma] _ in
            Int64(dice.logNormal(median: amountMedian, sigma: amountSigma) / 100) * 100 + 99
        }
        pricePointShare = dice.pick([0.2, 0.6, 0.9, 1])
        limit = max(1_000, Int64(amountMedian * dice.within(1.2...4) / 500) * 500)
        let count = dice.whole(1...6)
        countries = (0..<count).map { _ in dice.pick(WorldProgram.markets) }
        countryWeights = countries.map { _ in dice.scale(0.1...1) }
        refundRate = dice.within(0.005...0.14)
        refundDays = dice.within(2...12)
        chargebackRate = dice.within(0...0.006)
        returningShare = dice.within(0.15...0.7)
        var missing: [Field: Double] = [:]
        for field in Field.allCases {
            missing[field] = dice.happens(0.55) ? 0 : dice.happens(0.25) ? 1 : dice.within(0...0.4)
        }
        missing[.click] = dice.happens(0.7) ? dice.within(0...0.05) : dice.within(0.05...0.4)
        self.missing = missing
        crossDevice = dice.within(0...0.2)
        movesNetwork = dice.within(0.02...0.3)
        unattributed = dice.within(0...0.02)
        clicksAgain = dice.within(0.02...0.4)
        referrerless = dice.within(0.05...0.5)
        travels = dice.happens(0.4) ? 0 : dice.scale(0.002...0.06)
        lostClicks = dice.happens(0.4) ? 0 : dice.scale(0.003...0.1)
        ordersAgain = dice.happens(0.3) ? 0 : dice.scale(0.005...0.12)
        buysAtOnce = dice.happens(0.4) ? 0 : dice.scale(0.001...0.04)
        previews = dice.happens(0.4) ? 0 : dice.scale(0.003...0.04)
        hosted = dice.happens(0.4) ? 0 : dice.scale(0.002...0.05)
        household = dice.happens(0.3) ? 0 : dice.scale(0.004...0.08)
        publicCoupons = (0..<dice.whole(0...4)).map { "PUBLIC\(number)-\($0)" }
    }

    /// What one order costs, in minor units.
    func amount(_ dice: inout Dice, factor: Double = 1) -> Int64 {
        if factor == 1, dice.happens(pricePointShare) { return dice.pick(pricePoints) }
        return max(100, Int64(dice.logNormal(median: amountMedian * factor, sigma: amountSigma)))
    }
}
