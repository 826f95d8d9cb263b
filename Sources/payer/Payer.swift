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

    func run() async throws {
        let client = StripeConnect.makeClient()
        let stripe = StripeConnect(configuration: .orExit(), client: client)
        let circle = CircleConfiguration.orExit().map { CircleMint(configuration: $0, client: client) }
        var called: [(provider: any SendingProvider, sendsPerSecond: Int)] = [(stripe, sendsPerSecond)]
        if let circle { called.append((circle, circleSendsPerSecond)) }
        let stage = PayerStage(providers: called.map(\.provider) + [ManualProvider()])
        try await runWorker(stage, options: options) { [called] context in
            let dispatchers = called.map { provider, sendsPerSecond in
                PayoutDispatcher(
                    provider: provider, pool: context.pool, sendsPerSecond: sendsPerSecond, metrics: context.metrics,
                    logger: context.logger)
            }
            return dispatchers + [
                PayoutMethodKeeper(
                    circle: circle, pool: context.pool, requestsPerSecond: circleSendsPerSecond, logger: context.logger)
            ]
        }
        try await client.shutdown()
    }

    func validate() throws {
        guard (1...100).contains(sendsPerSecond) else {
            throw ValidationError("--sends-per-second is from 1 to 100, not \(sendsPerSecond).")
        }
        guard (1...100).contains(circleSendsPerSecond) else {
            throw ValidationError("--circle-sends-per-second is from 1 to 100, not \(circleSendsPerSecond).")
        }
    }
}
