import ArgumentParser
import Providers
import WorkerRuntime

@main
struct Payer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "payer", abstract: "Sends payouts to their provider, each once.",
        discussion: """
            Needs STRIPE_API_BASE and STRIPE_API_KEY; STRIPE_MODE is test (the default) or live and must agree with \
            the key. With CIRCLE_API_KEY set it pays over Circle too, and needs CIRCLE_API_BASE and CIRCLE_WALLET_ID; \
            CIRCLE_MODE is test or live, and without CIRCLE_ORIGINATOR larger payouts are left to a person.
            """)

    @OptionGroup var options: WorkerOptions

    @Option(help: "Requests to the provider per second. [env: PAYER_SENDS_PER_SECOND]")
    var sendsPerSecond = Environment.number("PAYER_SENDS_PER_SECOND", default: 12)

    @Option(help: "Requests to Circle per second. [env: PAYER_CIRCLE_SENDS_PER_SECOND]")
    var circleSendsPerSecond = Environment.number("PAYER_CIRCLE_SENDS_PER_SECOND", default: 5)

    @Option(help: "Seconds to wait for the reply to a request. [env: PAYER_REQUEST_TIMEOUT_SECONDS]")
    var requestTimeout = Environment.number("PAYER_REQUEST_TIMEOUT_SECONDS", default: 25)

    func run() async throws {
        let client = StripeConnect.makeClient()
        let timeout = Int64(requestTimeout)
        let (stripeConfiguration, circleConfiguration) = (StripeConfiguration.orExit(), CircleConfiguration.orExit())
        let clock = PaymentClock.orExit(isLive: stripeConfiguration.isLive || circleConfiguration?.isLive == true)
        let stripe = StripeConnect(configuration: stripeConfiguration, client: client, requestTimeoutSeconds: timeout)
        let circle = circleConfiguration.map {
            CircleMint(configuration: $0, client: client, requestTimeoutSeconds: timeout)
        }
        var called: [(provider: any SendingProvider, sendsPerSecond: Int)] = [(stripe, sendsPerSecond)]
        if let circle { called.append((circle, circleSendsPerSecond)) }
        let stage = PayerStage(providers: called.map(\.provider) + [ManualProvider()])
        try await runWorker(stage, options: options) { [called] context in
            let dispatchers = called.map { provider, sendsPerSecond in
                PayoutDispatcher(
                    provider: provider, pool: context.pool, sendsPerSecond: sendsPerSecond, clock: clock.now,
                    metrics: context.metrics, logger: context.logger)
            }
            return dispatchers + [
                PayoutMethodKeeper(
                    circle: circle, pool: context.pool, requestsPerSecond: circleSendsPerSecond, clock: clock.now,
                    logger: context.logger)
            ]
        }
        try await client.shutdown()
    }

    func validate() throws {
        guard (1...100).contains(sendsPerSecond) else {
            throw ValidationError("--sends-per-second is from 1 to 100, not \(sendsPerSecond).")
        }
        // Longer, and a lease could end while its request is under way.
        guard (1...25).contains(requestTimeout) else {
            throw ValidationError("--request-timeout is from 1 to 25 seconds, not \(requestTimeout).")
        }
        guard (1...100).contains(circleSendsPerSecond) else {
            throw ValidationError("--circle-sends-per-second is from 1 to 100, not \(circleSendsPerSecond).")
        }
    }
}
