import ArgumentParser
import Providers
import WorkerRuntime

@main
struct Payer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "payer", abstract: "Sends payouts to their provider, each once.",
        discussion: """
            Needs STRIPE_API_BASE and STRIPE_API_KEY; STRIPE_MODE is test (the default) or live and must agree with \
            the key.
            """)

    @OptionGroup var options: WorkerOptions

    @Option(help: "Requests to the provider per second. [env: PAYER_SENDS_PER_SECOND]")
    var sendsPerSecond = Environment.number("PAYER_SENDS_PER_SECOND", default: 12)

    func run() async throws {
        let client = StripeConnect.makeClient()
        let stripe = StripeConnect(configuration: .orExit(), client: client)
        let sendsPerSecond = sendsPerSecond
        try await runWorker(PayerStage(providers: [stripe, ManualProvider()]), options: options) { context in
            [
                PayoutDispatcher(
                    stripe: stripe, pool: context.pool, sendsPerSecond: sendsPerSecond, metrics: context.metrics,
                    logger: context.logger)
            ]
        }
        try await client.shutdown()
    }

    func validate() throws {
        guard (1...100).contains(sendsPerSecond) else {
            throw ValidationError("--sends-per-second is from 1 to 100, not \(sendsPerSecond).")
        }
    }
}
