import ArgumentParser
import AsyncHTTPClient
import Kafka
import Notifications
import WorkerRuntime

@main
struct Notifier: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notifier", abstract: "Tells admins and affiliates what happened, once.")

    @OptionGroup var options: WorkerOptions
    @OptionGroup var mail: MailOptions
    @OptionGroup var insights: InsightOptions

    @Option(help: "Whether webhooks may go to this machine: refused or allowed. [env: WEBHOOK_LOOPBACK]")
    var webhookLoopback = LoopbackRule.fromEnvironment

    func run() async throws {
        let client = LanguageModel.makeClient()
        let (mailer, model, consoleURL) = (mail.mailer, insights.model(client), mail.trimmedConsoleURL)
        let (allowsLoopback, kafka) = (webhookLoopback == .allowed, options.kafka)
        let interval = Duration.seconds(insights.insightsSeconds)
        try await runWorker(NotificationStage(), options: options) { context in
            [
                InsightKeeper(
                    pool: context.pool, model: model, every: interval, clock: systemNow, logger: context.logger),
                NewsKeeper(pool: context.pool, clock: systemNow, logger: context.logger),
                LagKeeper(
                    admin: try KafkaAdmin(kafka, clientID: context.owner, logger: context.logger), pool: context.pool,
                    clock: systemNow, logger: context.logger),
                NotificationDelivery(
                    pool: context.pool, mailer: mailer, webhooks: WebhookSender(allowsLoopback: allowsLoopback),
                    consoleURL: consoleURL, clock: systemNow, metrics: context.metrics, logger: context.logger),
            ]
        }
        try await client.shutdown()
    }
}

/// How e-mail goes out; without a server none does.
struct MailOptions: ParsableArguments {
    @Option(help: "Where e-mail is handed in, as smtp://host:587; without it none is sent. [env: SMTP_URL]")
    var smtpURL = Environment.text("SMTP_URL", default: "")

    @Option(help: "required: TLS or nothing; none: for a relay on this machine. [env: SMTP_TLS]")
    var smtpTLS = Environment.text("SMTP_TLS", default: SMTPServer.Encryption.required.rawValue)

    @Option(help: "The name to log in with, if the server wants one. [env: SMTP_USER]")
    var smtpUser = Environment.text("SMTP_USER", default: "")

    @Option(help: "A file of certificates to trust, instead of the system's. [env: SMTP_CA_FILE]")
    var smtpCAFile = Environment.text("SMTP_CA_FILE", default: "")

    @Option(help: "The address that e-mail comes from. [env: MAIL_FROM]")
    var mailFrom = Environment.text("MAIL_FROM", default: "")

    @Option(help: "Where people reach the console, for links in e-mail. [env: CONSOLE_URL]")
    var consoleURL = Environment.text("CONSOLE_URL", default: "")

    var trimmedConsoleURL: String { consoleURL.hasSuffix("/") ? String(consoleURL.dropLast()) : consoleURL }

    var mailer: SMTPMailer? {
        guard !smtpURL.isEmpty, let encryption = SMTPServer.Encryption(rawValue: smtpTLS) else { return nil }
        // The password comes from the environment alone: arguments are seen by every user of the machine.
        let password = Environment.text("SMTP_PASSWORD", default: "")
        return SMTPMailer(
            SMTPServer(
                url: smtpURL, encryption: encryption, login: smtpUser.isEmpty ? nil : (smtpUser, password),
                from: mailFrom, authorities: smtpCAFile.isEmpty ? nil : smtpCAFile))
    }

    func validate() throws {
        guard SMTPServer.Encryption(rawValue: smtpTLS) != nil else {
            throw ValidationError("--smtp-tls is required or none, not \(smtpTLS).")
        }
        guard smtpURL.isEmpty || smtpURL.hasPrefix("smtp://") || smtpURL.hasPrefix("smtps://") else {
            throw ValidationError("--smtp-url begins with smtp:// or smtps://, unlike \(smtpURL).")
        }
        guard smtpURL.isEmpty || mailFrom.split(separator: "@").count == 2 else {
            throw ValidationError("--smtp-url needs --mail-from, an address, not \"\(mailFrom)\".")
        }
    }
}

/// Who makes insights say more, if anybody.
struct InsightOptions: ParsableArguments {
    @Option(help: "Seconds between two looks for insights. [env: INSIGHTS_SECONDS]")
    var insightsSeconds = Environment.number("INSIGHTS_SECONDS", default: 3_600)

    @Option(help: "An OpenAI-compatible endpoint that may rewrite insights, up to /v1. [env: INSIGHTS_LLM_URL]")
    var insightsLLMURL = Environment.text("INSIGHTS_LLM_URL", default: "")

    @Option(help: "The endpoint's model. [env: INSIGHTS_LLM_MODEL]")
    var insightsLLMModel = Environment.text("INSIGHTS_LLM_MODEL", default: "")

    @Option(help: "Seconds that an answer of the endpoint may take. [env: INSIGHTS_LLM_TIMEOUT_SECONDS]")
    var insightsLLMTimeoutSeconds = Environment.number("INSIGHTS_LLM_TIMEOUT_SECONDS", default: 20)

    func model(_ client: HTTPClient) -> LanguageModel? {
        guard !insightsLLMURL.isEmpty else { return nil }
        // The key comes from the environment alone, as every secret.
        let key = Environment.text("INSIGHTS_LLM_KEY", default: "")
        return LanguageModel(
            url: insightsLLMURL, key: key.isEmpty ? nil : key, model: insightsLLMModel,
            timeoutSeconds: Int64(insightsLLMTimeoutSeconds), client: client)
    }

    func validate() throws {
        guard (1...86_400).contains(insightsSeconds) else {
            throw ValidationError("--insights-seconds is from 1 to 86400, not \(insightsSeconds).")
        }
        guard (1...120).contains(insightsLLMTimeoutSeconds) else {
            throw ValidationError("--insights-llm-timeout-seconds is from 1 to 120, not \(insightsLLMTimeoutSeconds).")
        }
        guard insightsLLMURL.isEmpty || !insightsLLMModel.isEmpty else {
            throw ValidationError("--insights-llm-url needs --insights-llm-model.")
        }
    }
}
