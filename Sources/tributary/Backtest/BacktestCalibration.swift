import ArgumentParser
import DevKit
import Domain
import Foundation

extension Backtest {
    struct Calibration: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows how true probabilities are, before and after decisions, and after wrong ones.",
            discussion: """
                On made worlds an admin decides about whoever is suspected, and about one in twenty who is not. What \
                is learnt of the decisions judges other worlds: of right ones, and of those of an admin who is wrong \
                in a share of all.
                """)

        /// Decisions of which one is about somebody who is not suspected.
        private static let sliceEvery = 20
        /// Worlds to decide in, at most: as many as the decisions need.
        private static let decidingMaximum: UInt64 = 64

        @Option(help: "Worlds to judge.") var worlds = 16
        @Option(help: "The seed of the first world.") var seed: UInt64 = 4_000_001
        @Option(help: "Decisions.") var decisions = 100
        @Option(help: "The share of decisions that the wrong admin flips.") var flipped = 0.2

        func run() throws {
            var reviewed: [WorldRun.Row] = []
            var cases: [WorldRun.Row] = []
            for number in 0..<Calibration.decidingMaximum where cases.count < decisions {
                reviewed += try WorldRun(WorldPlan(seed: seed + number)).rows
                cases = Calibration.cases(reviewed, decisions)
            }
            var dice = SplitMix64(seed: seed)
            let wrong = cases.map { _ in Double(dice.below(1_000)) < flipped * 1_000 }
            let models: [(String, FraudModel)] = [
                ("before any decision", .standard),
                ("after \(cases.count) decisions", Calibration.learnt(reviewed, cases, cases.map { _ in false })),
                (
                    "after \(cases.count), \(wrong.filter(\.self).count) of them wrong",
                    Calibration.learnt(reviewed, cases, wrong)
                ),
            ]
            for (title, model) in models {
                var scored: [DetectionReport.Scored] = []
                for number in 0..<UInt64(worlds) {
                    let judged = WorldPlan(seed: seed + Calibration.decidingMaximum + number)
                    let run = try WorldRun(judged, model: model)
                    scored += run.rows.map { .init(row: $0, score: $0.judgement.probability) }
                }
                print(Calibration.text(title, scored) + "\n")
            }
        }

        /// Whom an admin sees, in the order of the days: everybody when first suspected, and a slice of the others.
        private static func cases(_ rows: [WorldRun.Row], _ count: Int) -> [WorldRun.Row] {
            var seen: Set<String> = []
            var cases: [WorldRun.Row] = []
            var calm: [WorldRun.Row] = []
            for row in rows where cases.count < count {
                let key = "\(row.world) \(row.affiliate.id)"
                guard row.judgement.verdict > .clear else {
                    if row.isExample { calm.append(row) }
                    continue
                }
                guard seen.insert(key).inserted else { continue }
                cases.append(row)
                if cases.count % sliceEvery == sliceEvery - 1, cases.count < count, !calm.isEmpty {
                    cases.append(calm[calm.count / 2])
                    calm = []
                }
            }
            return cases
        }

        private static func learnt(_ rows: [WorldRun.Row], _ cases: [WorldRun.Row], _ isWrong: [Bool]) -> FraudModel {
            var learning = DecisionLearning(.standard)
            for row in rows {
                learning.see(row.judgement.features, of: row.judgement.affiliate ^ row.world, on: Int32(row.day))
            }
            for (row, isWrong) in zip(cases, isWrong) {
                let isCheat = row.affiliate.cheatDays.contains { $0 <= row.day }
                let decision = FraudDecision(affiliate: row.judgement.affiliate, isConfirmed: isCheat != isWrong)
                learning.learn(decision, row.judgement.features)
            }
            return learning.model
        }

        private static func text(_ title: String, _ scored: [DetectionReport.Scored]) -> String {
            var reliability = Reliability()
            for item in scored where item.row.isExample { reliability.add(item.score, isTrue: item.row.isCheat) }
            let report = DetectionReport(scored)
            var lines = [
                "\(title): ECE \(decimal(reliability.error, places: 4)), "
                    + "Brier \(decimal(reliability.brier, places: 4)), "
                    + "average precision by day \(decimal(report.daysPrecision, places: 3))",
                "said         days    mean   fraud",
            ]
            for (index, bin) in reliability.bins.enumerated() {
                let days = String(Int(bin.count))
                lines.append(
                    "0.\(index) …  "
                        + "\(String(repeating: " ", count: max(0, 9 - days.count)))\(days)   "
                        + "\(decimal(bin.said, places: 3))   \(decimal(bin.found, places: 3))")
            }
            return lines.joined(separator: "\n")
        }
    }
}
