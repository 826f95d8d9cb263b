import Domain
import Testing

@Suite("Reason codes of fraud signals")
struct FraudReasonTests {
    @Test("Every signal has a code of its own among 4xx, and every other code of 4xx is of no event")
    func codes() {
        let codes = FraudSignal.allCases.map(\.code)
        #expect(Set(codes).count == codes.count)
        #expect(codes.allSatisfy { (400..<500).contains($0.rawValue) })
        for signal in FraudSignal.allCases { #expect(FraudSignal(signal.code) == signal) }
        // What no event shows has one too.
        let others: Set<ReasonCode> = [.sharedPayoutAccount]
        #expect(Set(ReasonCode.allCases.filter { $0.rawValue / 100 == 4 }).subtracting(others) == Set(codes))
        #expect(FraudSignal(.testEvent) == nil)
    }

    @Test(
        "Codes stay what they were",
        arguments: [
            (FraudSignal.repeatedOrders, Int32(401)), (.fastOrders, 402),
            (.topOrderAddress, 403), (.instantOrders, 404), (.drift, 473),
        ])
    func stable(signal: FraudSignal, code: Int32) { #expect(signal.code.rawValue == code) }

    @Test("Every code has a sentence of its own")
    func sentences() {
        let sentences = ReasonCode.allCases.map(\.sentence)
        #expect(sentences.allSatisfy { $0.hasSuffix(".") })
        #expect(Set(sentences).count == sentences.count)
    }
}
