import ArgumentParser
import DevKit
import Domain
import Foundation

extension Backtest {
    struct Train: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Learns the standard weights on made worlds and writes them as source.",
            discussion: """
                The same seeds make the same weights. With --hold-out a table says how well a kind of fraud is found \
                by weights that never saw it, beside those that did.
                """)

        private static let precision = 120.0
        static let familyLimit = 6.0
        /// What a day of a rare kind counts at most, in days of a frequent one.
        private static let kindWeightMaximum = 4.0

        /// What honest success looks like too: it adds to other evidence, and is none by itself. Made cheats nearly all
        /// raise it, so the examples say otherwise.
        private static let supporting: [FraudSignal] = [.highConversion]
        private static let supportingLimit = 0.25

        @Option(help: "Worlds to learn on.") var worlds = 120
        @Option(help: "The seed of the first world.") var seed: UInt64 = 1
        @Option(help: "Worlds to test on, with seeds from 1,000,001.") var testWorlds = 40
        @Option(help: "Leave out this kind and test on it; all: each kind in turn.") var holdOut: String?
        @Option(help: "Where the weights go.") var out: String?

        private var heldOut: [CheatKind] {
            get throws {
                guard let holdOut else { return [] }
                if holdOut == "all" { return CheatKind.allCases }
                guard let kind = CheatKind(rawValue: holdOut) else {
                    let kinds = CheatKind.allCases.map(\.rawValue).joined(separator: ", ")
                    throw ValidationError("--hold-out is all or one of \(kinds), not \(holdOut)")
                }
                return [kind]
            }
        }

        func validate() throws { _ = try heldOut }

        func run() throws {
            // Learnt twice: whom a model suspects is no peer, so what it sees depends on what it suspects.
            let first = Train.fit(try Train.rows(from: seed, count: worlds, .unlearnt))
            let rows = try Train.rows(from: seed, count: worlds, first)
            let model = Train.fit(rows)
            if let out { try Data(model.source.utf8).write(to: URL(fileURLWithPath: out)) }
            let test = try Train.rows(from: 1_000_001, count: testWorlds, model)
            let models = [
                ("sum", model.sumOnly), ("trees", model.treesOnly), ("rarity", model.rarityOnly), ("all", model),
            ]
            for (name, model) in models {
                let report = DetectionReport(test.map { .init(row: $0, score: model.logit($0.judgement.features)) })
                print(
                    "\(name): by day \(decimal(report.daysPrecision, places: 3)), by affiliate "
                        + "\(decimal(report.affiliatesPrecision, places: 3)), recall at 1 % "
                        + decimal(report.recall(), places: 3))
            }
            Train.holdOut(try heldOut, rows, test, seen: model)
        }

        static func rows(from seed: UInt64, count: Int, _ model: FraudModel) throws -> [WorldRun.Row] {
            var rows: [WorldRun.Row] = []
            for number in 0..<UInt64(count) {
                var plan = WorldPlan(seed: seed + number)
                if number.isMultiple(of: 4) { plan.affiliates = 12...40 }
                rows += try WorldRun(plan, model: model, optionalFiles: number % 5 != 4).rows
            }
            return rows
        }

        static func fit(_ rows: [WorldRun.Row], without kind: CheatKind? = nil) -> FraudModel {
            let rows = rows.filter { $0.isExample && (kind == nil || $0.affiliate.cheat != kind) }
            let weights = Train.weights(rows)
            let examples = zip(rows, weights).map { row, weight in
                FraudExample(features: row.judgement.features, isFraud: row.isCheat, weight: weight)
            }
            let prior = FraudModel.unlearnt
            let common = supporting.flatMap(FraudFeatures.indices)
            let sum = LogisticFit(
                examples, around: prior.bias, prior.weights, precision: precision,
                limits: Dictionary(uniqueKeysWithValues: common.map { ($0, supportingLimit) }))
            let trees = TreeFit(examples, unasked: Set(common))
            return FraudModel(
                version: "worlds-5", bias: sum.bias, weights: sum.weights.map { ($0 * 1_000).rounded() / 1_000 },
                familyLimit: familyLimit, trees: trees.trees, treeBias: trees.bias,
                rarity: FraudRarity(examples, unasked: Set(common).union(0..<FraudSignal.allCases.count)))
        }

        /// A kind counts at least as much as an even share of the kinds, if that takes no day for more than the
        /// maximum: to spare a rare look-alike is worth as much as to spare a frequent one. Fraud and honesty keep
        /// their shares.
        private static func weights(_ rows: [WorldRun.Row]) -> [Double] {
            func name(_ row: WorldRun.Row) -> String {
                row.isCheat ? row.affiliate.cheat?.rawValue ?? "" : "honest \(row.affiliate.honest.rawValue)"
            }
            let counts = Dictionary(rows.map { (name($0), 1.0) }, uniquingKeysWith: +)
            let cheats = rows.filter(\.isCheat).count
            let even = (
                cheat: Double(cheats) / Double(CheatKind.allCases.count),
                honest: Double(rows.count - cheats) / Double(HonestKind.allCases.count)
            )
            let weights = rows.map { row in
                min(kindWeightMaximum, max(1, (row.isCheat ? even.cheat : even.honest) / (counts[name(row)] ?? 1)))
            }
            var sums = (cheat: 0.0, honest: 0.0)
            for (row, weight) in zip(rows, weights) {
                if row.isCheat { sums.cheat += weight } else { sums.honest += weight }
            }
            return zip(rows, weights).map { row, weight in
                row.isCheat
                    ? weight * Double(cheats) / sums.cheat : weight * Double(rows.count - cheats) / sums.honest
            }
        }

        private static func holdOut(
            _ kinds: [CheatKind], _ rows: [WorldRun.Row], _ test: [WorldRun.Row], seen: FraudModel
        ) {
            guard !kinds.isEmpty else { return }
            print(
                "\nkind left out      sum: AP recall   trees: AP recall  rarity: AP recall     all: AP recall   "
                    + "had it seen it: AP recall")
            for kind in kinds {
                let model = fit(rows, without: kind)
                var line = kind.rawValue + String(repeating: " ", count: max(0, 18 - kind.rawValue.count))
                for model in [model.sumOnly, model.treesOnly, model.rarityOnly, model, seen] {
                    let report = DetectionReport(test.map { .init(row: $0, score: model.logit($0.judgement.features)) })
                    line += " \(decimal(report.precision(of: kind), places: 3))"
                    line += " \(decimal(report.recall(of: kind), places: 3))    "
                }
                print(line)
            }
        }
    }

    struct Evaluate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tests the standard weights on made worlds they were not learnt on.")

        @Option(help: "Worlds.") var worlds = 40
        @Option(help: "The seed of the first world.") var seed: UInt64 = 2_000_001

        func run() throws {
            var scored: [DetectionReport.Scored] = []
            var conversions: [(isCheat: Bool, probability: Double)] = []
            for number in 0..<UInt64(worlds) {
                let run = try WorldRun(WorldPlan(seed: seed + number))
                scored += run.rows.map { .init(row: $0, score: $0.judgement.probability) }
                conversions += run.conversions
            }
            print(DetectionReport(scored).text)
            let precision = DetectionReport.averagePrecision(conversions.map { ($0.isCheat, $0.probability) })
            let share = Double(conversions.filter(\.isCheat).count) / Double(max(1, conversions.count))
            print(
                "\nconversions \(conversions.count), of which fraud \(decimal(share, places: 3)); average precision "
                    + decimal(precision, places: 3))
        }
    }
}

extension FraudModel {
    /// Before any example: nats for each unit of a signal, and of a change.
    static var unlearnt: FraudModel {
        let signals = FraudSignal.allCases.count
        return FraudModel(
            version: "", bias: -4, weights: (0..<FraudFeatures.count).map { $0 < signals ? 0.18 : 0.08 },
            familyLimit: Backtest.Train.familyLimit)
    }

    fileprivate var sumOnly: FraudModel {
        FraudModel(version: version, bias: bias, weights: weights, familyLimit: familyLimit)
    }

    fileprivate var treesOnly: FraudModel {
        FraudModel(
            version: version, bias: treeBias, weights: [], familyLimit: familyLimit, trees: trees,
            treeBias: treeBias)
    }

    fileprivate var rarityOnly: FraudModel {
        FraudModel(version: version, bias: 0, weights: [], familyLimit: familyLimit, rarity: rarity)
    }

    /// The weights as source.
    var source: String {
        var lines = [
            "/// Made by `tributary backtest train`; not to be edited.", "enum StandardWeights {",
            "    static let version = \"\(version)\"", "    static let bias = \(decimal(bias))",
            "    static let treeBias = \(decimal(treeBias))", "    static let familyLimit = \(decimal(familyLimit))",
            "",
            "    /// Thousandths of a nat, by feature.", "    static let weights = \"\"\"",
        ]
        for (index, weight) in weights.enumerated() where weight > 0 {
            lines.append("        \(FraudFeatures.name(index)) \(Int((weight * 1_000).rounded()))")
        }
        lines += ["        \"\"\"", "", "    /// As `FraudRarity.text` writes it.", "    static let rarity = \"\"\""]
        lines += (rarity?.text ?? "").split(separator: "\n").map { "        \($0)" }
        lines += ["        \"\"\"", "", "    /// As `FraudTree.text` writes them.", "    static let trees = \"\"\""]
        lines += trees.map { "        \($0.text)" }
        return (lines + ["        \"\"\"", "}", ""]).joined(separator: "\n")
    }
}
