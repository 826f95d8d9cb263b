import ArgumentParser
import Domain
import Foundation
import Stages
import WorkerRuntime

@main
struct FraudDetector: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fraud-detector", abstract: "Judges conversions and affiliates by what their events show.")

    @OptionGroup var options: WorkerOptions

    @Option(help: "Seconds between two judgements of what came. [env: JUDGING_INTERVAL_SECONDS]")
    var judgingInterval = Environment.number("JUDGING_INTERVAL_SECONDS", default: 5)

    @Option(help: "A file of data centres' prefixes, one CIDR a line. [env: DATACENTRE_PREFIXES]")
    var datacentrePrefixes = Environment.text("DATACENTRE_PREFIXES", default: "")

    func run() async throws {
        let interval = Duration.seconds(judgingInterval)
        let prefixes = try FraudDetector.prefixes(datacentrePrefixes)
        try await runWorker(FraudDetectionStage(), options: options) { context in
            let publisher = LanePublisher(
                FraudJudgingTimer.lane, owner: context.owner, pool: context.pool, producer: context.producer,
                logger: context.logger)
            let timer = FraudJudgingTimer(
                pool: context.pool, publisher: publisher, judge: context.owner, dataCentres: prefixes, every: interval,
                clock: systemNow, logger: context.logger)
            return [publisher, timer]
        }
    }

    func validate() throws {
        guard (1...3_600).contains(judgingInterval) else {
            throw ValidationError("--judging-interval is from 1 to 3600 seconds, not \(judgingInterval).")
        }
    }

    private static func prefixes(_ path: String) throws -> IPPrefixSet {
        var prefixes = IPPrefixSet()
        guard !path.isEmpty else { return prefixes }
        for line in try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline) {
            let text = line.prefix { $0 != "#" }.filter { !$0.isWhitespace }
            guard text.isEmpty || prefixes.insert(text) else {
                throw ValidationError("--datacentre-prefixes has a line that is no prefix: \(line).")
            }
        }
        return prefixes
    }
}
