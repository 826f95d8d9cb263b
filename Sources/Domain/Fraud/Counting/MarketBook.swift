/// What is usual in a programme as of yesterday: how large an order is, from which countries visitors come.
struct MarketBook: Sendable, Codable {
    struct Market: Sendable, Codable {
        var orders: Int64 = 0
        /// Thousandths of ln(minor units).
        var amountLog: Int64 = 0
        var countries: [UInt16: Int64] = [:]
        var located: Int64 = 0
    }

    /// Counts above which a market is halved at the end of the day, so that it follows the times.
    static let countMaximum: Int64 = 200_000
    /// Visitors before whom no country is called unusual.
    static let locatedMinimum: Int64 = 200

    var known: [UInt64: Market] = [:]
    private var today: [UInt64: Market] = [:]

    private static func key(_ event: FraudEvent) -> UInt64 { FraudHash.mixed(event.program ^ event.currency &* 3) }

    /// Thousandths of ln(amount ÷ the usual amount); 0 before there is a usual one.
    mutating func relative(_ event: FraudEvent) -> Int64 {
        let key = MarketBook.key(event)
        let log = Int64((Elementary.log(Double(max(event.amountMinor, 1))) * 1_000).rounded())
        today[key, default: Market()].orders += 1
        today[key, default: Market()].amountLog += log
        // Of a first day its own mean so far, which is all there is.
        guard let market = known[key] ?? today[key], market.orders > 0 else { return 0 }
        return log - market.amountLog / market.orders
    }

    /// Whether the visitor's country is none of the programme's markets.
    mutating func isOff(_ event: FraudEvent, _ program: FraudProgram?) -> Bool {
        guard event.country != 0 else { return false }
        if let program, !program.mainMarkets.isEmpty { return !program.mainMarkets.contains(event.country) }
        today[event.program, default: Market()].countries[event.country, default: 0] += 1
        today[event.program, default: Market()].located += 1
        guard let market = known[event.program], market.located >= MarketBook.locatedMinimum else { return false }
        return (market.countries[event.country] ?? 0) * 50 < market.located
    }

    mutating func close() {
        for (key, day) in today {
            var market = known[key] ?? Market()
            market.orders += day.orders
            market.amountLog += day.amountLog
            market.located += day.located
            for (country, count) in day.countries { market.countries[country, default: 0] += count }
            if max(market.located, market.orders) > MarketBook.countMaximum {
                market.orders /= 2
                market.amountLog /= 2
                market.located /= 2
                market.countries = market.countries.mapValues { $0 / 2 }
            }
            known[key] = market
        }
        today = [:]
    }
}
