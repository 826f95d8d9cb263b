import ArgumentParser

@main
struct Tributary: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary", abstract: "The operator's command line of the Tributary fleet.",
        subcommands: [
            Migrate.self, TopicsVerb.self, Lag.self, DeadLetters.self, Verify.self, Doctor.self, Demo.self,
            RulesVerb.self, FXVerb.self, Replay.self, Explain.self, LedgerVerb.self, Bench.self, Generate.self,
            Backtest.self, BrokerVerb.self,
        ])
}
