import Domain
import Testing

@Suite("Affiliate ranking")
struct AffiliateRankingTests {
    private func day(_ orders: Double, revenue: Double, lost: Double = 0) -> AffiliateRanking.Day {
        var day = AffiliateRanking.Day()
        day.clicks = orders * 20
        day.orders = orders
        day.revenue = revenue
        day.lost = lost
        return day
    }

    private func rank(_ days: [UInt64: [Int32: AffiliateRanking.Day]], fraud: [UInt64: Double] = [:]) -> [UInt64] {
        entries(days, fraud: fraud).map(\.affiliate)
    }

    private func entries(
        _ days: [UInt64: [Int32: AffiliateRanking.Day]], fraud: [UInt64: Double] = [:]
    ) -> [AffiliateRanking.Entry] {
        let pairs = days.map { (FraudPair(program: 1, affiliate: $0), $1) }
        return AffiliateRanking.rank(Dictionary(uniqueKeysWithValues: pairs), asOf: 29, fraud: fraud)
    }

    private func steady(_ orders: Double, value: Double, lost: Double = 0) -> [Int32: AffiliateRanking.Day] {
        Dictionary(uniqueKeysWithValues: (0..<30).map { ($0, day(orders, revenue: orders * value, lost: lost)) })
    }

    @Test("More net revenue ranks higher; refunds, fraud and age take away")
    func order() {
        #expect(rank([1: steady(2, value: 50), 2: steady(3, value: 50)]) == [2, 1])
        #expect(rank([1: steady(2, value: 50), 2: steady(3, value: 50, lost: 90)]) == [1, 2])
        #expect(rank([1: steady(2, value: 50), 2: steady(3, value: 50)], fraud: [2: 0.9]) == [1, 2])
        let gone = steady(4, value: 50).filter { $0.key < 5 }
        #expect(rank([1: steady(2, value: 50), 2: gone]) == [1, 2])
    }

    @Test("One lucky day is no month of steady ones, and says that it is a small sample")
    func lucky() throws {
        let ranked = entries([1: steady(3, value: 50), 2: [29: day(4, revenue: 200)], 3: steady(1, value: 50)])
        #expect(ranked.first?.affiliate == 1)
        let lucky = try #require(ranked.first { $0.affiliate == 2 })
        let known = try #require(ranked.first { $0.affiliate == 1 })
        #expect(lucky.isLowSample && !known.isLowSample)
        #expect(lucky.high / lucky.low > known.high / known.low)
        #expect(known.low < known.score && known.score < known.high)
    }
}
