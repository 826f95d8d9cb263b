import ArgumentParser
import DevKit
import Foundation

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures a worker beside the floors that no worker can pass.",
        subcommands: [Scorer.self, FraudDetector.self, FraudEngine.self])

    struct Scorer: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Measures the scorer on a topic that is full when it starts.",
            discussion: """
                The scorer runs as a process of its own and drains conversions.raw into a private PostgreSQL with \
                PostgreSQL's own durability. In the same run the rows that it leaves are written again by plain binary \
                COPY, in the same transactions, and the topic is only read. Machines differ: compare the ratios.

                The broker is an embedded one, which keeps 5 MiB of a partition: the bench ends if the events do not \
                fit. With KAFKA_BOOTSTRAP_SERVERS that broker is used instead; its conversions.raw must be empty.
                """)

        @Option(help: "Records to publish before the clock starts.") var events = 200_000
        @OptionGroup var options: BenchOptions

        func validate() throws { try BenchOptions.check(events: events) }
        func run() async throws { try await options.run(events: events, BenchLoad.scorer) }
    }

    struct FraudDetector: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fraud-detector",
            abstract: "Measures the fraud-detector on a topic that is full when it starts.",
            discussion: """
                A scorer fills affiliates.scored first. The detector then runs as a process of its own until it has \
                judged every event; in the same run the rows that it leaves in its own tables are written again by \
                plain binary COPY, and the topic is only read. Speeds are of the events behind the topic's records.

                The broker is an embedded one, which keeps 5 MiB of a partition: the bench ends if the events do not \
                fit. With KAFKA_BOOTSTRAP_SERVERS that broker is used instead; its topics must be empty.
                """)

        @Option(help: "Events to publish before the clock starts.") var events = 60_000
        @OptionGroup var options: BenchOptions

        func validate() throws { try BenchOptions.check(events: events) }
        func run() async throws { try await options.run(events: events, BenchLoad.fraudDetector) }
    }
}

/// How a worker is measured.
struct BenchOptions: ParsableArguments {
    @Option(help: "Affiliates that the records name.") var affiliates = 5_000
    @Option(help: "The seed of the records.") var seed: UInt64 = 1
    @Option(help: "Rounds of all three measurements, in random order; the medians count.") var rounds = 3
    @Option(help: "The most records of one batch.") var batchRecords = 2_000
    @Flag(help: "Print one JSON object instead of a table.") var json = false
    @OptionGroup var topics: TopicOptions

    static func check(events: Int) throws {
        guard (1...10_000_000).contains(events) else { throw ValidationError("--events is from 1 to 10000000") }
    }

    func validate() throws {
        guard affiliates > 0 else { throw ValidationError("--affiliates is at least 1") }
        guard (1...99).contains(rounds) else { throw ValidationError("--rounds is from 1 to 99") }
    }

    /// - Parameter prepare: makes the rounds' work of the events on `conversions.raw`.
    func run(
        events: Int, _ prepare: @Sendable @escaping (BenchRig, BenchTopic) async throws -> BenchLoad
    ) async throws {
        if BenchReport.build == .debug {
            complain("THIS IS A DEBUG BUILD: its figures mean nothing. Build with -c release.")
        }
        switch await Interruptible.run({ try await measure(events, prepare) }) {
        case .finished(let report): print(json ? try report.json : report.text)
        case .interrupted: throw ExitCode(130)
        case .failed(let error):
            complain("\(error)")
            throw ExitCode(1)
        }
    }

    private func measure(
        _ events: Int, _ prepare: (BenchRig, BenchTopic) async throws -> BenchLoad
    ) async throws -> BenchReport {
        let rig = try await BenchRig.start(topics, batchRecords: batchRecords)
        do {
            complain("publishing \(events) events")
            let plan = TrafficPlan(events: events, seed: seed, affiliates: affiliates)
            let topic = try await BenchTopic.fill(rig.kafka, plan)
            complain("warming up: \(topic.records) events, \(topic.bytes >> 10) KiB")
            let load = try await prepare(rig, topic)
            var report = BenchReport(load: load, settings: try await rig.settings())
            for number in 1...rounds {
                let round = try await measure(load, rig)
                complain("round \(number): \(round.line(events: load.events))")
                report.rounds.append(round)
            }
            await rig.stop()
            return report
        } catch {
            await rig.stop()
            throw error
        }
    }

    private func measure(_ load: BenchLoad, _ rig: BenchRig) async throws -> BenchRound {
        var round = BenchRound()
        for part in BenchPart.allCases.shuffled() {
            let measured =
                switch part {
                case .worker: try await load.worker.measure(load, rig)
                case .copy: try await CopyFloor.measure(load, rig)
                case .consume: try await ConsumeFloor.measure(load.topic, rig)
                }
            round[part] = measured
        }
        return round
    }
}

/// What each round measures.
enum BenchPart: String, CaseIterable, Codable {
    case worker, copy, consume
}
