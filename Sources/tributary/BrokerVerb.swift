import ArgumentParser
import DevKit
import Foundation

struct BrokerVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker", abstract: "Runs the embedded broker with the declared topics until it is ended.",
        shouldDisplay: false)

    @OptionGroup var directory: TopicOptions

    func run() async throws {
        let broker = try await EmbeddedBroker.start(try directory.load())
        announce(broker.bootstrapServers)
        await ended()
        withExtendedLifetime(broker) {}
    }
}

/// What a part of the fleet says on a line of its own once it can be used, for whoever started it.
let readyPrefix = "ready "

func announce(_ address: String) {
    FileHandle.standardOutput.write(Data((readyPrefix + address + "\n").utf8))
}

/// Waits for SIGTERM or SIGINT.
func ended() async {
    let (signals, announce) = AsyncStream.makeStream(of: Void.self)
    let sources = [SIGTERM, SIGINT].map { number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number)
        source.setEventHandler { announce.yield() }
        source.resume()
        return source
    }
    for await _ in signals { break }
    for source in sources { source.cancel() }
}
