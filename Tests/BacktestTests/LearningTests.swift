import DevKit
import Domain
import Testing

@Suite("What is learnt holds in other worlds")
struct LearningTests {
    private struct Row {
        let judgement: FraudJudgement
        let isCheat: Bool

        var example: FraudExample { FraudExample(features: judgement.features, isFraud: isCheat) }
    }

    /// Each judged day, beside whether the affiliate had cheated by then.
    private static func rows(
        _ seeds: ClosedRange<UInt64>, _ cheats: [CheatKind] = CheatKind.allCases, _ model: FraudModel = .standard
    ) -> [Row] {
        seeds.flatMap { seed in
            let made = JudgedWorld(seed: seed, cheats: cheats, affiliates: 24, days: 16)
            let affiliates = Dictionary(uniqueKeysWithValues: made.world.affiliates.map { (FraudHash.of($0.id), $0) })
            var days = FraudDays()
            for event in made.events { days.observe(event) }
            var book = FraudBook()
            return days.list.flatMap { day in
                _ = book.close(day, days.close(day), FraudContext(), model)
                return book.judge(model).map { judgement in
                    let cheatDays = affiliates[judgement.affiliate]?.cheatDays ?? []
                    let number = Int(day - made.world.start.day)
                    return Row(judgement: judgement, isCheat: cheatDays.contains { $0 <= number })
                }
            }
        }
    }

    /// How often a cheat scores above an honest affiliate.
    private static func area(_ scores: [(isCheat: Bool, score: Double)]) -> Double {
        let honest = scores.filter { !$0.isCheat }.map(\.score)
        let cheats = scores.filter(\.isCheat).map(\.score)
        let above = cheats.reduce(0) { sum, cheat in sum + honest.filter { $0 < cheat }.count }
        return Double(above) / Double(max(1, cheats.count * honest.count))
    }

    @Test("However well an affiliate converts, that alone is no evidence")
    func success() {
        var values = [Float](repeating: 0, count: FraudFeatures.count)
        for index in FraudFeatures.indices(of: .highConversion) { values[index] = 6 }
        let logit = FraudModel.standard.logit(FraudFeatures(values: values))
        #expect(logit == FraudModel.standard.base)
    }

    @Test("Kinds of fraud are found by a pattern that never saw them")
    func unseen() {
        let examples = Self.rows(511...513, [.bots, .stolenCards, .replayedOrders, .proxies]).map(\.example)
        let prior = [Double](repeating: 0.12, count: FraudFeatures.count)
        let fit = LogisticFit(examples, around: -4, prior, precision: 20)
        #expect(fit.weights.allSatisfy { $0 >= 0 })
        let rarity = FraudRarity(examples)
        #expect(FraudRarity(text: rarity.text)?.text == rarity.text)
        let seen = FraudPattern(name: "seen", bias: fit.bias, weights: fit.weights)
        let rows = Self.rows(521...523, [.selfReferral, .deviceFarm, .clickInjection, .collusionRing])
        #expect(rows.filter(\.isCheat).count > 20)
        for (name, model) in [
            ("pattern", FraudModel(version: "unseen", patterns: [seen])),
            ("rarity", FraudModel(version: "unseen", patterns: [], rarity: rarity)),
        ] {
            let area = Self.area(rows.map { ($0.isCheat, model.logit($0.judgement.features)) })
            #expect(area > 0.65, "\(name): \(area)")
        }
    }

    @Test("What the reasons add is what the score is made of, learnt from decisions and calibrated or not")
    func contributions() {
        let rows = Self.rows(541...541)
        var learning = DecisionLearning(.standard)
        for row in rows.filter({ $0.judgement.probability > 0.3 }).prefix(20) {
            learning.learn(FraudDecision(affiliate: 1, isConfirmed: row.isCheat), row.judgement.features)
        }
        var calibrated = learning.model
        (calibrated.slope, calibrated.priorShift) = (0.7, 0.3)
        for row in rows {
            let features = row.judgement.features
            for model in [FraudModel.standard, learning.model, calibrated] {
                let parts = model.contributions(features)
                let more = model.logit(features) - model.base - parts.reduce(0, +)
                #expect(abs(more) < 1e-9 && parts.allSatisfy { $0 >= 0 }, "\(more)")
            }
        }
    }

    @Test("Each kind is known by its own signals, of which more never means less suspicion")
    func kinds() throws {
        let model = FraudModel.standard
        let patterns = try #require(FraudPattern.patterns(text: FraudPattern.text(of: model.patterns)))
        #expect(patterns == model.patterns && patterns.map(\.name) == CheatKind.allCases.map(\.rawValue))
        for (signal, kind) in [
            (FraudSignal.nearLimitOrders, CheatKind.thresholdGaming), (.programBursts, .cookieStuffing),
            (.deviceRing, .collusionRing), (.twinOrders, .replayedOrders), (.chargebacks, .stolenCards),
        ] {
            var features = FraudFeatures(values: [])
            var before = model.base
            for strength: Float in [1, 2, 4, 6] {
                let seen = FraudFeatures.indices(of: signal)
                features = FraudFeatures(values: (0..<FraudFeatures.count).map { seen.contains($0) ? strength : 0 })
                let logit = model.logit(features)
                #expect(logit >= before, "\(signal) at \(strength)")
                before = logit
            }
            let without = model.patterns.map { pattern in
                var rest = model
                rest.patterns.removeAll { $0.name == pattern.name }
                return (name: pattern.name, logit: rest.logit(features))
            }
            #expect(without.min { $0.logit < $1.logit }?.name == kind.rawValue, "\(signal)")
            let nats = model.logit(features) - model.base
            #expect(nats > 1, "\(signal) \(nats)")
        }
    }

    @Test("Probabilities and their order stay near the truth after decisions, and when one in five of them is wrong")
    func calibration() {
        var learning = (right: DecisionLearning(.standard), wrong: DecisionLearning(.standard))
        var decided = 0
        for row in Self.rows(531...534) {
            learning.right.see(row.judgement.features, of: row.judgement.affiliate, on: row.judgement.day)
            learning.wrong.see(row.judgement.features, of: row.judgement.affiliate, on: row.judgement.day)
            guard row.judgement.probability >= 0.3, decided < 100 else { continue }
            decided += 1
            for (path, isWrong) in [
                (\(right: DecisionLearning, wrong: DecisionLearning).right, false), (\.wrong, decided % 5 == 0),
            ] {
                learning[keyPath: path].learn(
                    FraudDecision(affiliate: row.judgement.affiliate, isConfirmed: row.isCheat != isWrong),
                    row.judgement.features)
            }
        }
        #expect(decided > 30)
        var errors: [Double] = []
        var areas: [Double] = []
        for model in [FraudModel.standard, learning.right.model, learning.wrong.model] {
            var reliability = Reliability()
            let rows = Self.rows(541...543, CheatKind.allCases, model)
            for row in rows { reliability.add(row.judgement.probability, isTrue: row.isCheat) }
            errors.append(reliability.error)
            areas.append(Self.area(rows.map { ($0.isCheat, $0.judgement.probability) }))
        }
        // These worlds hold far more fraud than the standard model takes for usual.
        #expect(errors[0] < 0.14, "before \(errors[0])")
        #expect(errors[1] < errors[0] + 0.01 && areas[1] > areas[0] - 0.01, "after: \(errors), \(areas)")
        #expect(errors[2] < errors[0] + 0.02 && areas[2] > areas[0] - 0.02, "after wrong ones: \(errors), \(areas)")
    }

    @Test("An error of calibration is the distance of what was said from what was found, weighed by the days")
    func reliability() {
        var reliability = Reliability()
        for index in 0..<10 { reliability.add(0.25, isTrue: index < 5) }
        for _ in 0..<30 { reliability.add(0.05, isTrue: false) }
        #expect(abs(reliability.error - (10 * 0.25 + 30 * 0.05) / 40) < 1e-12)
        #expect(reliability.bins[2].count == 10 && reliability.bins[2].found == 0.5)
        #expect(reliability.count == 40)
    }
}
