import ArgumentParser
import Notifications
import WorkerRuntime

@main
struct Notifier: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notifier", abstract: "Tells admins and affiliates what happened, once.")

    @OptionGroup var options: WorkerOptions

    func run() async throws {
        try await runWorker(NotificationStage(), options: options)
    }
}
