import ArgumentParser
import Providers
import ServiceLifecycle
import Storage
import WorkerRuntime

@main
struct ReconcilerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconciler", abstract: "Moves payouts by what their provider says.",
        discussion: """
            Needs STRIPE_API_BASE, STRIPE_API_KEY, and the secrets of both webhook endpoints, comma-separated while \
            they rotate: STRIPE_WEBHOOK_SECRETS for /webhooks/stripe, STRIPE_CONNECT_WEBHOOK_SECRETS for \
            /webhooks/stripe-connect. STRIPE_MODE is test (the default) or live. With CIRCLE_API_KEY set, and \
            CIRCLE_API_BASE, CIRCLE_WALLET_ID and CIRCLE_MODE as for the payer, it settles what Circle pays, and \
            takes /webhooks/circle, and its older notifications at /webhooks/circle-sns.
            """)

    @OptionGroup var options: WorkerOptions

    @Option(help: "The address that webhooks come in at. [env: WEBHOOK_HOST]")
    var webhookHost = Environment.text("WEBHOOK_HOST", default: "127.0.0.1")

    @Option(help: "The port that webhooks come in at; 0 takes a free one. [env: WEBHOOK_PORT]")
    var webhookPort = Environment.number("WEBHOOK_PORT", default: 0)

    @Option(help: "Seconds between two questions about a payout under way. [env: RECONCILE_INTERVAL_SECONDS]")
    var reconcileInterval = Environment.number("RECONCILE_INTERVAL_SECONDS", default: 300)

    @Option(help: "Questions to the provider per second. [env: RECONCILER_READS_PER_SECOND]")
    var readsPerSecond = Environment.number("RECONCILER_READS_PER_SECOND", default: 20)

    func run() async throws {
        let configuration = StripeConfiguration.orExit()
        let secrets = [
            WebhookReceiver.Endpoint.platform: StripeConfiguration.secretsOrExit("STRIPE_WEBHOOK_SECRETS"),
            .connect: StripeConfiguration.secretsOrExit("STRIPE_CONNECT_WEBHOOK_SECRETS"),
        ]
        let client = StripeConnect.makeClient()
        let stripe = StripeConnect(configuration: configuration, client: client)
        let circleConfiguration = CircleConfiguration.orExit()
        let clock = PaymentClock.orExit(isLive: configuration.isLive || circleConfiguration?.isLive == true)
        let circle = circleConfiguration.map { CircleMint(configuration: $0, client: client) }
        let (host, port, interval, reads) = (webhookHost, webhookPort, reconcileInterval, readsPerSecond)
        try await runServices(name: PayoutStore.settlementLane.workerGroup, options: options) { context in
            let publisher = LanePublisher(
                PayoutStore.settlementLane, owner: context.owner, pool: context.pool, producer: context.producer,
                logger: context.logger)
            let pulse = Pulse(every: .seconds(1))
            let circlePulse = Pulse(every: .seconds(1))
            let receiver = WebhookReceiver(
                pool: context.pool, secrets: secrets,
                circle: circle.map { circle in
                    WebhookReceiver.Circle(
                        keys: CircleKeys(circle), pulse: circlePulse, certificate: circle.certificate,
                        confirm: circle.confirmSubscription)
                },
                isLive: configuration.isLive, pulse: pulse, clock: clock.now, metrics: context.metrics,
                logger: context.logger)
            var services: [any Service] = [publisher]
            for (provider, pulse) in [(stripe as any SendingProvider, pulse)]
                + (circle.map { [($0, circlePulse)] } ?? [])
            {
                services.append(
                    Reconciler(
                        provider: provider, pool: context.pool, pulse: pulse, intervalSeconds: Int64(interval),
                        readsPerSecond: reads, clock: clock.now, wakePublisher: { publisher.wake() },
                        metrics: context.metrics, logger: context.logger))
            }
            if let circle {
                services.append(
                    CircleSweep(
                        circle: circle, pool: context.pool, pulse: Pulse(every: .seconds(interval)),
                        readsPerSecond: reads, clock: clock.now, wakePublisher: { publisher.wake() },
                        logger: context.logger))
            }
            services.append(
                StripeEvents(
                    stripe: stripe, pool: context.pool, pulse: Pulse(every: .seconds(interval)), found: pulse,
                    clock: clock.now, metrics: context.metrics, logger: context.logger))
            services.append(
                ReconciliationAudit(
                    stripe: stripe, circle: circle, pool: context.pool, clock: clock.now, logger: context.logger))
            services.append(WebhookServer(receiver: receiver, host: host, port: port, logger: context.logger))
            return services
        }
        try await client.shutdown()
    }

    func validate() throws {
        guard (0...65_535).contains(webhookPort) else {
            throw ValidationError("--webhook-port is from 0 to 65535, not \(webhookPort).")
        }
        guard (1...100).contains(readsPerSecond) else {
            throw ValidationError("--reads-per-second is from 1 to 100, not \(readsPerSecond).")
        }
        guard (1...86_400).contains(reconcileInterval) else {
            throw ValidationError("--reconcile-interval is from 1 to 86400 seconds, not \(reconcileInterval).")
        }
    }
}
