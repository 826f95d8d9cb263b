import Domain
import Testing

@Suite("Affiliate scores")
struct AffiliateScoreTests {
    typealias Totals = AffiliateScore.Totals

    static let cases: [(String, Totals, components: [Int32])] = [
        ("nothing yet: the priors", Totals(), [150, 150, 200, 0]),
        (
            "as good as the prior, with a sample",
            Totals(clicks: 10_000, conversions: 200, refunds: 9, revenueMinor: 500_000), [150, 150, 204, 120]
        ),
        ("clicks that never convert", Totals(clicks: 10_000), [2, 2, 200, 0]),
        (
            "every tenth click converts, at ten times the earnings",
            Totals(clicks: 10_000, conversions: 1_000, revenueMinor: 5_000_000), [249, 272, 249, 142]
        ),
        (
            "a quarter of the orders comes back",
            Totals(clicks: 10_000, conversions: 200, refunds: 54, revenueMinor: 500_000, refundedMinor: 135_000),
            [150, 126, 0, 120]
        ),
        (
            "more refunded than earned earns nothing",
            Totals(clicks: 900, conversions: 1, refunds: 1, revenueMinor: 100, refundedMinor: 200), [39, 27, 154, 2]
        ),
        ("conversions without clicks count as clicked", Totals(conversions: 100), [288, 100, 241, 100]),
        (
            "totals that no fleet reaches",
            Totals(clicks: .max, conversions: .max, refunds: .max, revenueMinor: .max, refundedMinor: .min),
            [294, 5, 0, 149]
        ),
    ]

    @Test("A score is the sum of its documented components", arguments: cases)
    func score(name: String, totals: Totals, components: [Int32]) {
        let score = AffiliateScore(of: totals)
        #expect(score.components == components, "\(name)")
        #expect(score.tenths == components.reduce(0, +), "\(name)")
    }

    @Test("The weights make a hundred points")
    func weights() {
        #expect(AffiliateScore.Component.allCases.map(\.weightTenths).reduce(0, +) == 1_000)
    }

    @Test("A refund never raises a score, a conversion never lowers it")
    func monotone() {
        for conversions in stride(from: Int64(0), to: 500, by: 7) {
            for refunds in stride(from: Int64(0), to: conversions, by: 13) {
                let totals = Totals(
                    clicks: 1_000, conversions: conversions, refunds: refunds, revenueMinor: conversions * 4_000,
                    refundedMinor: refunds * 4_000)
                var refunded = totals
                refunded.refunds += 1
                refunded.refundedMinor += 4_000
                var converted = totals
                converted.conversions += 1
                converted.revenueMinor += 4_000
                let score = AffiliateScore(of: totals).tenths
                #expect(AffiliateScore(of: refunded).tenths <= score)
                #expect(AffiliateScore(of: converted).tenths >= score)
            }
        }
    }
}
