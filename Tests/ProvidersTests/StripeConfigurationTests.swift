import Providers
import Testing
import WorkerRuntime

@Suite("The provider's keys") struct StripeConfigurationTests {
    static let keys: [(key: String, isLive: Bool, base: String, isTaken: Bool)] = [
        ("sk_test_1", false, "https://api.stripe.com", true), ("rk_test_1", false, "http://127.0.0.1:1", true),
        ("sk_live_1", true, "https://api.stripe.com", true), ("rk_live_1", true, "https://api.stripe.com/", true),
        ("sk_live_1", false, "https://api.stripe.com", false), ("rk_live_1", false, "https://api.stripe.com", false),
        ("sk_test_1", true, "https://api.stripe.com", false), ("", false, "https://api.stripe.com", false),
        ("sk_live_1", true, "http://api.stripe.com", false), ("sk_test_1", false, "api.stripe.com", false),
    ]

    @Test("A key of the other mode is refused at the start, and a live one is never sent unencrypted", arguments: keys)
    func mode(key: String, isLive: Bool, base: String, isTaken: Bool) {
        // Why it is refused is a sentence for the operator; here only whether.
        let configuration = try? StripeConfiguration(baseURL: base, apiKey: key, isLive: isLive)
        #expect((configuration != nil) == isTaken)
    }
}

@Suite("The clock of those who pay") struct PaymentClockTests {
    static let settings: [(text: String?, isLive: Bool, aheadSeconds: Int64?)] = [
        (nil, true, 0), ("", true, 0), ("0", true, 0), ("3600", false, 3_600), ("31622400", false, 31_622_400),
        ("3600", true, nil), ("-1", false, nil), ("31622401", false, nil), ("1h", false, nil),
    ]

    @Test("It is set ahead in trials alone", arguments: settings)
    func ahead(text: String?, isLive: Bool, aheadSeconds: Int64?) {
        let environment = text.map { ["PAYMENT_CLOCK_AHEAD_SECONDS": $0] } ?? [:]
        // Why it is refused is a sentence for the operator; here only whether.
        let clock = try? PaymentClock(environment: environment, isLive: isLive)
        let before = systemNow()
        let ahead = clock?.now().seconds(since: before)
        // A second may begin between the two.
        #expect(aheadSeconds.map { $0...($0 + 1) }?.contains(ahead ?? -1) ?? (clock == nil))
    }
}
