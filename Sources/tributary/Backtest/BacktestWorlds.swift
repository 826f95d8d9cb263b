import ArgumentParser
import DevKit
import Domain
import Foundation

extension Backtest {
    struct Features: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Writes what the engine measures in made worlds beside the truth, for other detectors to learn on.")

        @Option(help: "How many worlds.") var worlds = 20
        @Option(help: "The seed of the first; the others follow.") var seed: UInt64 = 1
        @Option(help: "Where the table goes.") var out: String

        func run() throws {
            let names = (0..<FraudFeatures.count).map(FraudFeatures.name)
            let truth = ["world", "affiliate", "day", "honest", "cheat", "label", "score", "verdict"]
            var file = try CSVFile(path: out, header: truth + names)
            for number in 0..<UInt64(worlds) {
                let run = try WorldRun(WorldPlan(seed: seed + number))
                for row in run.rows {
                    let label = row.isCheat ? "1" : row.isExample ? "0" : "-1"
                    try file.write(
                        [
                            "\(row.world)", row.affiliate.id, "\(row.day)", row.affiliate.honest.rawValue,
                            row.affiliate.cheat?.rawValue ?? "", label, decimal(row.judgement.probability),
                            row.judgement.verdict.rawValue,
                        ] + row.judgement.features.values.map { decimal(Double($0), places: 2) })
                }
            }
            try file.flush()
        }
    }

    struct Make: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "world", abstract: "Writes a made world: its events, its files and the truth.")

        @Option(help: "The seed.") var seed: UInt64 = 1
        @Option(help: "The folder.") var out: String

        func run() throws {
            let world = World(WorldPlan(seed: seed))
            let folder = URL(fileURLWithPath: out, isDirectory: true)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(world.lines.joined(separator: [10])).write(to: folder.appendingPathComponent("events.jsonl"))
            try Data(world.programs).write(to: folder.appendingPathComponent("programs.json"))
            try Data(world.signUps).write(to: folder.appendingPathComponent("affiliates.json"))
            try Data(world.dataCentrePrefixes.joined(separator: "\n").utf8).write(
                to: folder.appendingPathComponent("prefixes.txt"))
            var labels = try CSVFile(
                path: folder.appendingPathComponent("labels.csv").path,
                header: ["affiliate_id", "day", "honest", "cheat"])
            for affiliate in world.affiliates {
                for day in affiliate.cheatDays.sorted() {
                    try labels.write([
                        affiliate.id, CivilDate(daysSinceEpoch: world.start.day + Int32(day)).text,
                        affiliate.honest.rawValue, affiliate.cheat?.rawValue ?? "",
                    ])
                }
            }
            try labels.flush()
        }
    }
}
