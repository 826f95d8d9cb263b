import ArgumentParser
import ConsoleApp
import Kafka
import Outbox
import WorkerRuntime

/// Serves the API and the pages, and publishes what they wrote.
@main
struct Console: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console", abstract: "Serves the HTTP API and the pages of the admins.")

    @OptionGroup var worker: WorkerOptions
    @OptionGroup var options: ConsoleOptions

    func run() async throws {
        let configuration = options.configuration
        let kafka = worker.kafka
        try await runServices(name: "console", options: worker) { context in
            let publishers = ConsoleApp.lanes.map { lane in
                LanePublisher(
                    Lane(emitter: lane), owner: context.owner, pool: context.pool, producer: context.producer,
                    logger: context.logger)
            }
            let poller = WatermarkPoller(
                admin: try KafkaAdmin(kafka, clientID: context.owner, logger: context.logger), logger: context.logger)
            let app = try ConsoleApp(
                pool: context.pool, configuration: configuration, watermarks: { await poller.known },
                wake: { for publisher in publishers { publisher.wake() } }, logger: context.logger)
            let logger = context.logger
            // Stopped in reverse: no request is taken any more when the last messages are published.
            let server = app.service { port in
                logger.info("console listening", metadata: [LogKey.port: "\(port)"])
            }
            return [poller] + publishers + [server]
        }
    }
}

/// Where the console is found.
struct ConsoleOptions: ParsableArguments, Sendable {
    /// Whether cookies wait for TLS.
    enum Cookies: String, ExpressibleByArgument, CaseIterable, Sendable {
        /// Over TLS only, unless the address is a loopback one.
        case automatic
        case secure
        case plain
    }

    @Option(help: "The address to listen on. [env: CONSOLE_HOST]")
    var host = Environment.text("CONSOLE_HOST", default: "127.0.0.1")

    @Option(help: "The port to listen on; 0 takes a free one. [env: CONSOLE_PORT]")
    var port = Environment.number("CONSOLE_PORT", default: 8080)

    @Option(help: "Cookies over TLS only: automatic (unless on loopback), secure or plain. [env: CONSOLE_COOKIES]")
    var cookies = Cookies(rawValue: Environment.text("CONSOLE_COOKIES")) ?? .automatic

    @Option(help: "Whether webhooks may go to this machine: refused or allowed. [env: WEBHOOK_LOOPBACK]")
    var webhookLoopback = LoopbackRule.fromEnvironment

    var configuration: ConsoleConfiguration {
        var configuration = ConsoleConfiguration()
        configuration.allowsLoopbackWebhooks = webhookLoopback == .allowed
        configuration.host = host
        configuration.port = port
        configuration.isSecure =
            switch cookies {
            case .automatic: !["127.0.0.1", "::1", "localhost"].contains(host)
            case .secure: true
            case .plain: false
            }
        return configuration
    }
}
