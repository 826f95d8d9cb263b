import Providers
import Testing

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
