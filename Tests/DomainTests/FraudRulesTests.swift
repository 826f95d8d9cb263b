import Domain
import Testing

@Suite("Fraud rules")
struct FraudRulesTests {
    static let conversions: [(seconds: Int64?, ordinal: Int64?, codes: [ReasonCode])] = [
        (nil, nil, []),
        (15, 1, []),
        (14, 1, [.fastOrders]),
        (0, nil, [.fastOrders]),
        (-3, nil, [.fastOrders]),
        (.min, nil, [.fastOrders]),
        (600, 10, []),
        (600, 11, [.topOrderAddress]),
        (3, 11, [.fastOrders, .topOrderAddress]),
    ]

    @Test("A conversion is held for each rule it hits, and for nothing else", arguments: conversions)
    func hits(seconds: Int64?, ordinal: Int64?, codes: [ReasonCode]) {
        let hits = FraudRules.hits(.init(secondsFromClick: seconds, ordinalOfIPHour: ordinal))
        #expect(hits.map(\.code) == codes)
        #expect(FraudVerdict(ofConversion: hits) == (codes.isEmpty ? .clear : .hold))
    }

    static let affiliates: [(hits: Int64, sample: Int64, verdict: FraudVerdict, risk: Int32)] = [
        (0, 0, .clear, 0),
        (1, 1, .clear, 476),
        (2, 0, .review, 909),
        (2, 40, .review, 333),
        (2, 41, .clear, 327),
        (9, 9, .review, 3_103),
        (10, 10, .hold, 3_333),
        (10, 40, .hold, 1_666),
        (10, 41, .review, 1_639),
        (49, 1_000, .clear, 480),
        (50, 1_000, .review, 490),
        (.max, .max, .hold, 9_999),
        (5, .min, .review, 2_000),
    ]

    @Test("Hits make a verdict by their number and their share", arguments: affiliates)
    func verdict(hits: Int64, sample: Int64, verdict: FraudVerdict, risk: Int32) {
        #expect(FraudRules.verdict(occurrences: hits, sample: sample) == verdict)
        #expect(FraudRules.risk(occurrences: hits, sample: sample).value == risk)
    }

    @Test("The worse of two hits is the one further from its baseline")
    func worse() {
        let slow = FraudHit(code: .fastOrders, value: 14, baseline: 15)
        let fast = FraudHit(code: .fastOrders, value: 1, baseline: 15)
        #expect(fast.isWorse(than: slow))
        #expect(!slow.isWorse(than: fast))
    }
}
