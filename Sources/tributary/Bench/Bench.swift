import ArgumentParser
import DevKit
import Foundation

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures a worker beside the floors that no worker can pass.", subcommands: [Scorer.self])

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
        @Option(help: "Affiliates that the records name.") var affiliates = 5_000
        @Option(help: "The seed of the records.") var seed: UInt64 = 1
        @Option(help: "Rounds of all three measurements, in random order; the medians count.") var rounds = 3
        @Option(help: "The most records of one batch.") var batchRecords = 2_000
        @Flag(help: "Print one JSON object instead of a table.") var json = false
        @OptionGroup var topics: TopicOptions

        func validate() throws {
            guard (1...10_000_000).contains(events) else { throw ValidationError("--events is from 1 to 10000000") }
            guard affiliates > 0 else { throw ValidationError("--affiliates is at least 1") }
            guard (1...99).contains(rounds) else { throw ValidationError("--rounds is from 1 to 99") }
        }

        func run() async throws {
            if BenchReport.build == .debug {
                complain("THIS IS A DEBUG BUILD: its figures mean nothing. Build with -c release.")
            }
            switch await Interruptible.run({ try await measure() }) {
            case .finished(let report): print(json ? try report.json : report.text)
            case .interrupted: throw ExitCode(130)
            case .failed(let error):
                complain("\(error)")
                throw ExitCode(1)
            }
        }

        private func measure() async throws -> BenchReport {
            let rig = try await BenchRig.start(topics, batchRecords: batchRecords)
            do {
                complain("publishing \(events) events")
                let plan = TrafficPlan(events: events, seed: seed, affiliates: affiliates)
                let topic = try await BenchTopic.fill(rig.kafka, plan)
                complain("warming up: \(topic.records) events, \(topic.bytes >> 10) KiB")
                let load = try await BenchLoad.prepare(rig, topic)
                var report = BenchReport(load: load, settings: try await rig.settings())
                for number in 1...rounds {
                    let round = try await measure(load, rig)
                    complain("round \(number): \(round.line(events: topic.records))")
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
                    case .scorer: try await ScorerRun.measure(load, rig)
                    case .copy: try await CopyFloor.measure(load, rig)
                    case .consume: try await ConsumeFloor.measure(load.topic, rig)
                    }
                round[part] = measured
            }
            return round
        }
    }
}

/// What each round measures.
enum BenchPart: String, CaseIterable, Codable {
    case scorer, copy, consume
}
