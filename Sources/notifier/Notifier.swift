import ArgumentParser
import Notifications
import WorkerRuntime

@main
struct Notifier: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notifier", abstract: "Tells admins and affiliates what happened, once.")

    @OptionGroup var options: WorkerOptions

    @Option(help: "Seconds between two looks for insights. [env: INSIGHTS_SECONDS]")
    var insightsSeconds = Environment.number("INSIGHTS_SECONDS", default: 3_600)

    @Option(help: "An OpenAI-compatible endpoint that may rewrite insights, up to /v1. [env: INSIGHTS_LLM_URL]")
    var insightsLLMURL = Environment.text("INSIGHTS_LLM_URL", default: "")

    @Option(help: "The endpoint's model. [env: INSIGHTS_LLM_MODEL]")
    var insightsLLMModel = Environment.text("INSIGHTS_LLM_MODEL", default: "")

    @Option(help: "Seconds that an answer of the endpoint may take. [env: INSIGHTS_LLM_TIMEOUT_SECONDS]")
    var insightsLLMTimeoutSeconds = Environment.number("INSIGHTS_LLM_TIMEOUT_SECONDS", default: 20)

    func run() async throws {
        let client = LanguageModel.makeClient()
        // The key comes from the environment alone: arguments are seen by every user of the machine.
        let key = Environment.text("INSIGHTS_LLM_KEY", default: "")
        let model =
            insightsLLMURL.isEmpty
            ? nil
            : LanguageModel(
                url: insightsLLMURL, key: key.isEmpty ? nil : key, model: insightsLLMModel,
                timeoutSeconds: Int64(insightsLLMTimeoutSeconds), client: client)
        let interval = Duration.seconds(insightsSeconds)
        try await runWorker(NotificationStage(), options: options) { context in
            [
                InsightKeeper(
                    pool: context.pool, model: model, every: interval, clock: systemNow, logger: context.logger)
            ]
        }
        try await client.shutdown()
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
