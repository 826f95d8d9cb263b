import ArgumentParser
import Stages
import WorkerRuntime

@main
struct FraudDetector: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fraud-detector", abstract: "Judges conversions and affiliates by the fraud rules.")

    @OptionGroup var options: WorkerOptions

    func run() async throws {
        try await runWorker(FraudDetectionStage(), options: options)
    }
}
