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
                without its pattern, beside with it.
                """)

        /// λ on a pattern's weights, which start at 0.
        private static let precision = 60.0
        private static let biasStart = -6.0
        /// The share of days with fraud where nothing is known yet; made worlds hold more of it, to learn from.
        private static let usualShare = 0.02
        /// What a day of a rare kind counts at most, in days of a frequent one.
        private static let kindWeightMaximum = 4.0

        /// What honest success looks like just as much. Made cheats nearly all raise it, so examples would say
        /// otherwise; only decisions can say that it tells fraud in some fleet.
        private static let unasked = FraudFeatures.indices(of: .highConversion)

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
            for (name, model) in [("patterns", model.patternsOnly), ("rarity", model.rarityOnly), ("all", model)] {
                let report = DetectionReport(test.map { .init(row: $0, score: model.logit($0.judgement.features)) })
                print(
                    "\(name): by day \(decimal(report.daysPrecision, places: 3)), by affiliate "
                        + "\(decimal(report.affiliatesPrecision, places: 3)), recall at 1 % "
                        + decimal(report.recall(), places: 3))
            }
            Train.holdOut(try heldOut, test, seen: model)
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

        /// A pattern of each kind, learnt against honest days, and how rare signals are on these.
        static func fit(_ rows: [WorldRun.Row]) -> FraudModel {
            let rows = rows.filter(\.isExample)
            let examples = zip(rows, Train.weights(rows)).map { row, weight in
                var values = row.judgement.features.values
                for index in unasked { values[index] = 0 }
                return FraudExample(features: FraudFeatures(values: values), isFraud: row.isCheat, weight: weight)
            }
            let byKind = Dictionary(grouping: rows.indices) { rows[$0].isCheat ? rows[$0].affiliate.cheat : nil }
            let honest = (byKind[nil] ?? []).map { examples[$0] }
            let none = [Double](repeating: 0, count: FraudFeatures.count)
            let patterns = CheatKind.allCases.compactMap { kind -> FraudPattern? in
                guard let days = byKind[kind] else { return nil }
                let fit = LogisticFit(
                    days.map { examples[$0] } + honest, around: biasStart, none, precision: precision)
                return FraudPattern(name: kind.rawValue, bias: fit.bias, weights: fit.weights)
            }
            let share = Double(rows.count { $0.isCheat }) / Double(max(1, rows.count))
            let shift = Elementary.logit(usualShare) - Elementary.logit(min(max(share, 0.001), 0.999))
            return FraudModel(
                version: "worlds-7", patterns: patterns,
                rarity: FraudRarity(examples, unasked: Set(unasked).union(0..<FraudSignal.allCases.count)),
                priorShift: (shift * 100).rounded() / 100)
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

        /// A pattern is learnt from its own kind and from honesty alone: a kind is left out by its pattern. Only what a
        /// power of ten of rarity is worth, two numbers, was learnt of all kinds.
        private static func holdOut(_ kinds: [CheatKind], _ test: [WorldRun.Row], seen: FraudModel) {
            guard !kinds.isEmpty else { return }
            print("\nkind left out     patterns: AP recall    all: AP recall    had it seen it: AP recall")
            for kind in kinds {
                let unseen = seen.without(kind)
                var line = kind.rawValue + String(repeating: " ", count: max(0, 18 - kind.rawValue.count))
                for model in [unseen.patternsOnly, unseen, seen] {
                    let report = DetectionReport(test.map { .init(row: $0, score: model.logit($0.judgement.features)) })
                    line += " \(decimal(report.precision(of: kind), places: 3))"
                    line += " \(decimal(report.recall(of: kind), places: 3))      "
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
    /// Before any example: all signals speak for the one pattern there is.
    static var unlearnt: FraudModel {
        let signals = FraudSignal.allCases.count
        let weights = (0..<FraudFeatures.count).map { $0 < signals ? 0.18 : 0.08 }
        return FraudModel(version: "", patterns: [FraudPattern(name: "fraud", bias: -4, weights: weights)])
    }

    fileprivate func without(_ kind: CheatKind) -> FraudModel {
        var model = self
        model.patterns.removeAll { $0.name == kind.rawValue }
        return model
    }

    fileprivate var patternsOnly: FraudModel {
        var model = self
        model.rarity = nil
        return model
    }

    fileprivate var rarityOnly: FraudModel {
        var model = self
        model.patterns = []
        return model
    }

    /// The patterns as source.
    var source: String {
        func indented(_ text: String) -> [String] { text.split(separator: "\n").map { "        \($0)" } }
        var lines = [
            "/// Made by `tributary backtest train`; not to be edited.", "enum StandardWeights {",
            "    static let version = \"\(version)\"",
            "    static let priorShift = \(decimal(priorShift, places: 2))", "",
            "    /// As `FraudPattern.text(of:)` writes them.", "    static let patterns = \"\"\"",
        ]
        lines += indented(FraudPattern.text(of: patterns)) + ["        \"\"\"", ""]
        lines += ["    /// As `FraudRarity.text` writes it.", "    static let rarity = \"\"\""]
        lines += indented(rarity?.text ?? "")
        return (lines + ["        \"\"\"", "}", ""]).joined(separator: "\n")
    }
}
