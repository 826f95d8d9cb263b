import ArgumentParser
import Stages
import WorkerRuntime

@main
struct Scorer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scorer", abstract: "Prices conversions and scores affiliates.")

    @OptionGroup var options: WorkerOptions

    @Option(help: "Register programmes and affiliates when an event first names them: on or off. [env: AUTO_REGISTER]")
    var autoRegister = Environment.text("AUTO_REGISTER", default: "off")

    @Option(help: "Seconds between two looks for refunds whose order has come. [env: PARKED_RELEASE_SECONDS]")
    var parkedReleaseSeconds = Environment.number("PARKED_RELEASE_SECONDS", default: 1)

    @Option(help: "Seconds between two rankings of a programme's affiliates. [env: RANKING_SECONDS]")
    var rankingSeconds = Environment.number("RANKING_SECONDS", default: 300)

    func run() async throws {
        let interval = Duration.seconds(parkedReleaseSeconds)
        try await runWorker(ScoringStage(registersUnknown: autoRegister == "on"), options: options) { context in
            let publisher = LanePublisher(
                ParkedRelease.lane, owner: context.owner, pool: context.pool, producer: context.producer,
                logger: context.logger)
            let release = ParkedRelease(
                pool: context.pool, publisher: publisher, every: interval, clock: systemNow, logger: context.logger)
            let keeper = RetentionKeeper(pool: context.pool, clock: systemNow, logger: context.logger)
            let ranking = RankingKeeper(
                pool: context.pool, every: .seconds(rankingSeconds), clock: systemNow, logger: context.logger)
            return [publisher, release, keeper, ranking]
        }
    }

    func validate() throws {
        guard (1...86_400).contains(rankingSeconds) else {
            throw ValidationError("--ranking-seconds is from 1 to 86400, not \(rankingSeconds).")
        }
        guard ["on", "off"].contains(autoRegister) else {
            throw ValidationError("--auto-register is on or off, not \(autoRegister).")
        }
        guard (1...3_600).contains(parkedReleaseSeconds) else {
            throw ValidationError("--parked-release-seconds is from 1 to 3600, not \(parkedReleaseSeconds).")
        }
    }
}
