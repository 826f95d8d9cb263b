import DevKit

/// Payer and reconciler of the demo with the fakes that they talk to, and the days that pass for them.
actor DemoPayments {
    private static let startWithin = Duration.seconds(60)

    private let fleet: Fleet
    private let environment: [String: String]
    private let stripe: StripeForDemo
    private let circle: CircleForDemo
    private var running: [ChildProcess] = []
    private var aheadSeconds: Int64 = 0

    init(_ fleet: Fleet, environment: [String: String], stripe: StripeForDemo, circle: CircleForDemo) {
        self.fleet = fleet
        self.environment = environment
        self.stripe = stripe
        self.circle = circle
    }

    /// Starts both, and tells the fakes where webhooks go.
    func start() async throws {
        var environment = environment
        if aheadSeconds > 0 { environment["PAYMENT_CLOCK_AHEAD_SECONDS"] = String(aheadSeconds) }
        running.append(try await fleet.start("payer", environment: environment))
        let reconciler = try await fleet.start("reconciler", environment: environment)
        running.append(reconciler)
        let webhooks = try await reconciler.loggedPort(after: "webhooks listening", within: DemoPayments.startWithin)
        await stripe.deliverWebhooks(toPort: webhooks)
        await circle.deliverWebhooks(toPort: webhooks)
    }

    /// Whether time is the demo's to let pass: a real provider has its own.
    nonisolated var canLetPass: Bool { stripe.isFake }

    /// Lets time pass at once, for the fakes and for those who pay: these end and begin anew with clocks set ahead.
    func letPass(seconds: Int64) async throws {
        for child in running { await fleet.stop(child) }
        running = []
        aheadSeconds += seconds
        await stripe.setAhead(seconds: aheadSeconds)
        await circle.setAhead(seconds: aheadSeconds)
        try await start()
    }
}
