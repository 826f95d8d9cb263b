import ArgumentParser
import DevKit
import Foundation

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the whole fleet on this machine and feeds it.",
        discussion: """
            Starts a broker, a database and a payment provider where the environment names none
            (KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL, STRIPE_API_BASE), and every worker as its own process. Ctrl-C ends
            them all and leaves nothing behind.
            """)

    @Option(help: "Publish this file of JSON lines instead of endless sample traffic.") var events: String?
    @Flag(help: "End when everything is processed and paid. Exit code 0 only if all is well.") var exitWhenIdle = false
    @Option(help: "Write what it came to as JSON.") var summary: String?
    @Option(help: "Programmes to register first, a JSON list.") var programs: String?
    @Option(help: "Events per second of the sample traffic.") var rate = 200
    @Option(help: "Requests to the fake providers that go wrong, each another affiliate's; with --events.")
    var faults = 0
    @OptionGroup var topics: TopicOptions

    func validate() throws {
        guard !exitWhenIdle || events != nil else { throw ValidationError("--exit-when-idle needs --events") }
        guard (1...100_000).contains(rate) else { throw ValidationError("--rate is from 1 to 100000") }
        guard (0...100_000).contains(faults) else { throw ValidationError("--faults is from 0 to 100000") }
        guard faults == 0 || exitWhenIdle else { throw ValidationError("--faults needs --exit-when-idle") }
    }

    func run() async throws {
        if let events, !FileManager.default.isReadableFile(atPath: events) {
            throw ValidationError("\(events) cannot be read")
        }
        let programs = try self.programs.map { try ProgramFile.read($0) } ?? []
        complain("starting the fleet")
        let fleet = try await DemoFleet.start(topics, hasFaults: faults > 0)
        complain("console: \(fleet.consoleURL)  login: \(DemoFleet.administrator)  password: \(fleet.password)")
        let outcome = await Interruptible.run {
            try await ProgramFile.register(programs, pool: fleet.pool)
            let run = try DemoRun(fleet, topics: topics, faults: DemoFaults(count: faults))
            let isWell = try await run.run(events: events, rate: rate, exitWhenIdle: exitWhenIdle, summary: summary)
            return isWell
        }
        await fleet.stop()
        switch outcome {
        case .finished(let isWell): if !isWell { throw ExitCode(1) }
        case .interrupted: complain("\nended")
        case .failed(let error):
            complain("\n\(error)")
            throw ExitCode(1)
        }
    }
}

/// Work that Ctrl-C ends early.
enum Interruptible {
    enum Outcome<Value: Sendable>: Sendable {
        case finished(Value)
        case interrupted
        case failed(any Error)
    }

    static func run<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async -> Outcome<Value> {
        await withTaskGroup(of: Outcome<Value>.self) { group in
            group.addTask {
                do { return .finished(try await work()) } catch { return .failed(error) }
            }
            group.addTask {
                await ended()
                return .interrupted
            }
            let first = await group.next() ?? .interrupted
            group.cancelAll()
            return first
        }
    }
}
