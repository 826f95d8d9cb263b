import ArgumentParser

@main
struct Tributary: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary", abstract: "The operator's command line of the Tributary fleet.",
        subcommands: [
            Migrate.self, TopicsVerb.self, Lag.self, DeadLetters.self, Verify.self, Doctor.self, Demo.self,
            ImportVerb.self, RulesVerb.self, FXVerb.self, Replay.self, Explain.self, LedgerVerb.self,
            RetentionVerb.self, FraudVerb.self, Backtest.self, Bench.self, Generate.self, BrokerVerb.self,
        ])
}
