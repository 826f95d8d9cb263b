import Domain
import Testing

@Suite("Rules of notifications") struct NotificationRuleTests {
    @Test(
        "An endpoint is reached over HTTPS, or on this machine",
        arguments: [
            ("https://hooks.example.com/a?b=c", true), ("HTTPS://hooks.example.com:8443", true),
            ("https://[2001:db8::1]:443/x", true), ("http://127.0.0.1:8080/hook", true),
            ("http://localhost/hook", true),
            ("http://[::1]/", true), ("http://hooks.example.com/", false), ("http://127.0.0.1.example.com/", false),
            ("http://127.0.0.1@example.com/", false), ("https://user:secret@example.com/", false),
            ("https://", false), ("https:///path", false), ("https://host:0/", false), ("https://host:99999/", false),
            ("https://host:80x/", false), ("ftp://host/", false), ("javascript:alert(1)", false),
            ("https://a b/", false), ("https://bücher.example/", false), ("https://host\\@evil/", false), ("", false),
        ])
    func addresses(text: String, isValid: Bool) {
        #expect(WebhookAddress.isValid(text) == isValid)
    }

    @Test(
        "A delivery is tried ten times over three days, unless it is refused",
        arguments: [
            (DeliveryResult.delivered(status: 204), 1, DeliveryFate.delivered),
            (.delayed(status: nil, error: "timeout"), 1, .waiting(seconds: 5)),
            (.delayed(status: 500, error: "status"), 2, .waiting(seconds: 300)),
            (.delayed(status: 500, error: "status"), 9, .waiting(seconds: 86_400)),
            (.delayed(status: 500, error: "status"), 10, .failed), (.refused(status: 550, error: "no"), 1, .failed),
            (.gone(status: 410), 1, .failed),
        ])
    func fates(result: DeliveryResult, attempt: Int, fate: DeliveryFate) {
        #expect(result.fate(after: attempt) == fate)
    }

    @Test(
        "Whatever a bank says, an affiliate reads what to do",
        arguments: [
            "account_closed", "account_frozen", "bank_account_restricted", "bank_ownership_changed",
            "could_not_process", "debit_not_authorized", "declined", "insufficient_funds", "invalid_account_number",
            "incorrect_account_holder_name", "incorrect_account_holder_address", "incorrect_account_holder_tax_id",
            "invalid_currency", "no_account", "unsupported_card",
        ])
    func advice(code: String) {
        let sentences = PayoutFailureAdvice.sentences(code)
        #expect(sentences != PayoutFailureAdvice.sentences("a word of the future"))
        #expect(sentences.contains("nter") || sentences.contains("orrect") || sentences.contains("Ask"))
        #expect(!sentences.contains("_"))
    }
}
