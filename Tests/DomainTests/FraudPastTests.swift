import Domain
import Testing

@Suite("An affiliate's own past")
struct FraudPastTests {
    /// Takes whatever is unusual for fraud.
    private static let suspicious = FraudModel(
        version: "suspicious",
        patterns: [
            FraudPattern(name: "anything", bias: -1, weights: [Double](repeating: 1, count: FraudFeatures.count))
        ])

    /// What is said of affiliate 1, day by day, half of whose buyers share three devices on some days, and return
    /// what they bought; others' do not.
    private static func judge(sharedOn shared: Range<Int32>, days: Int32) -> [FraudJudgement] {
        var book = FraudBook()
        var key: UInt64 = 0
        return (0..<days).compactMap { day in
            var pending = FraudDays()
            for affiliate: UInt64 in 1...12 {
                for hour: Int64 in 8..<14 {
                    key += 1
                    var event = FraudEvent(
                        kind: .conversion, key: key,
                        at: Timestamp(secondsSinceEpoch: Int64(day) * 86_400 + hour * 3_600),
                        affiliate: affiliate, program: 7)
                    (event.order, event.customer, event.amountMinor) = (key, 10_000 + key, 1_000)
                    let isOdd = affiliate == 1 && shared.contains(day) && hour % 2 == 0
                    event.device = isOdd ? 1 + key % 3 : 10_000 + key
                    pending.observe(event)
                    if isOdd { pending.observe(refund(of: event)) }
                }
            }
            _ = book.close(day, pending.close(day), FraudContext(), suspicious)
            return book.judge(suspicious).first { $0.affiliate == 1 }
        }
    }

    private static func refund(of order: FraudEvent) -> FraudEvent {
        var refund = FraudEvent(
            kind: .refund, key: 1_000_000 + order.key, at: order.at.adding(seconds: 600), affiliate: order.affiliate,
            program: order.program)
        (refund.order, refund.amountMinor) = (order.order, order.amountMinor)
        return refund
    }

    @Test(
        "Who was odd from the first day on is held against that past, who turned odd later against the days before",
        arguments: [(sharedFrom: Int32(0), isChange: false), (10, true)])
    func frozen(sharedFrom: Int32, isChange: Bool) throws {
        let days = Self.judge(sharedOn: sharedFrom..<20, days: 20)
        #expect(days.contains { $0.day == sharedFrom + 1 && $0.verdict > .clear })
        let indices = FraudFeatures.indices(of: .sharedDevices)
        let values = try #require(days.last).features.values
        #expect(values[indices[0]] > 3)
        #expect(isChange ? values[indices[1]] > 3 : values[indices[1]] < 1.5, "\(values[indices[1]])")
    }

    @Test("What has stopped says less every day, though a window of four weeks still shows it")
    func faded() throws {
        let index = FraudFeatures.indices(of: .sharedDevices)[0]
        let days = Self.judge(sharedOn: 10..<14, days: 24)
        let strengths = [13, 14, 17, 21].map { days[$0].features.values[index] }
        #expect(strengths[0] > 3 && strengths[3] > 0 && strengths[3] < strengths[0] / 5, "\(strengths)")
        #expect(strengths == strengths.sorted(by: >), "\(strengths)")
        // Of orders it is known weeks later what became of them: these days do not speak against it.
        let refunds = FraudFeatures.indices(of: .refunds)[0]
        let (before, after) = (days[13].features.values[refunds], days[21].features.values[refunds])
        #expect(before > 3 && after > before / 2, "\(before), \(after)")
    }
}
