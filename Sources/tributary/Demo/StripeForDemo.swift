import DevKit
import Foundation

/// The payment provider of the demo: the one that the environment names, else a fake in this process.
struct StripeForDemo: Sendable {
    /// What payer and reconciler need to know.
    let environment: [String: String]
    private let fake: FakeStripe?

    /// - Parameter hasFaults: replies come later than the payer waits, where a fault says so.
    static func start(hasFaults: Bool) async throws -> StripeForDemo {
        let given = ProcessInfo.processInfo.environment.filter { $0.key.hasPrefix("STRIPE_") }
        // Often, so that a provider whose webhooks cannot reach this machine settles all the same.
        var environment = [
            "RECONCILE_INTERVAL_SECONDS": "10", "STRIPE_API_KEY": FakeStripe.apiKey,
            "STRIPE_WEBHOOK_SECRETS": "whsec_demo", "STRIPE_CONNECT_WEBHOOK_SECRETS": "whsec_demo_connect",
        ]
        guard given["STRIPE_API_BASE"] == nil else {
            return StripeForDemo(environment: environment.merging(given) { $1 }, fake: nil)
        }
        var settings = FakeStripeSettings()
        settings.platformSecret = "whsec_demo"
        settings.connectSecret = "whsec_demo_connect"
        settings.slowness = DemoFaults.slowness
        let fake = try await FakeStripe.start(settings, logger: .standardError)
        environment["STRIPE_API_BASE"] = fake.baseURL
        // It has no limit, and its webhooks arrive.
        environment["PAYER_SENDS_PER_SECOND"] = "100"
        environment["RECONCILER_READS_PER_SECOND"] = "100"
        environment["RECONCILE_INTERVAL_SECONDS"] = "60"
        if hasFaults { environment["PAYER_REQUEST_TIMEOUT_SECONDS"] = String(DemoFaults.requestTimeoutSeconds) }
        return StripeForDemo(environment: environment, fake: fake)
    }

    /// Tells the fake where its webhooks go; until then they wait.
    func deliverWebhooks(toPort port: Int) async {
        var control = FakeStripeControl()
        control.platformURL = "http://127.0.0.1:\(port)/webhooks/stripe"
        control.connectURL = "http://127.0.0.1:\(port)/webhooks/stripe-connect"
        await fake?.apply(control)
    }

    /// Whether its calendar, and what goes wrong with it, are the demo's to say.
    var isFake: Bool { fake != nil }

    /// Sets its calendar ahead: keys are forgotten by it.
    func setAhead(seconds: Int64) async {
        var control = FakeStripeControl()
        control.aheadSeconds = seconds
        await fake?.apply(control)
    }

    /// Lets requests and webhooks go wrong, by account.
    func inject(_ faults: [String: [ProviderFault]], webhooks: [String: WebhookFault]) async {
        var control = FakeStripeControl()
        control.faults = faults
        control.webhookFaults = webhooks
        await fake?.apply(control)
    }

    func stop() async { await fake?.stop() }
}
