import DevKit
import Domain
import Events
import Foundation

/// A made world as the engine judges it, beside the truth.
struct WorldRun {
    struct Row {
        let world: UInt64
        let affiliate: WorldAffiliate
        /// Since the world's start.
        let day: Int
        /// Whether the affiliate cheated on that day.
        let isCheat: Bool
        let judgement: FraudJudgement

        /// A day of a cheat on which it did not cheat is neither an example of fraud nor of honesty.
        var isExample: Bool { isCheat || affiliate.cheatDays.isEmpty || day < (affiliate.cheatDays.min() ?? 0) }
    }

    let plan: WorldPlan
    private(set) var rows: [Row] = []
    private(set) var conversions: [(isCheat: Bool, probability: Double)] = []

    init(_ plan: WorldPlan, model: FraudModel = .standard, optionalFiles: Bool = true) throws {
        self.plan = plan
        let world = World(plan)
        var prefixes = IPPrefixSet()
        if optionalFiles { for prefix in world.dataCentrePrefixes { _ = prefixes.insert(prefix) } }
        var file = EventFile(reading: FraudEventReading(dataCentres: prefixes))
        for line in world.lines { file.take(line) }
        let context = optionalFiles ? try ContextOptions.context(of: world) : FraudContext()
        let affiliates = Dictionary(uniqueKeysWithValues: world.affiliates.map { (FraudHash.of($0.id), $0) })
        var backtest = FraudBacktest(file.days, context, model)
        backtest.run { day, judgements, scores in
            for judgement in judgements {
                guard let affiliate = affiliates[judgement.affiliate] else { continue }
                let number = Int(day - world.start.day)
                rows.append(
                    Row(
                        world: plan.seed, affiliate: affiliate, day: number,
                        isCheat: affiliate.cheatDays.contains(number), judgement: judgement))
            }
            for score in scores {
                let isCheat = file.conversions[score.event].map { world.cheatEvents.contains($0) } ?? false
                conversions.append((isCheat, score.probability))
            }
        }
    }
}

extension ContextOptions {
    /// What the optional files of a made world say.
    static func context(of world: World) throws -> FraudContext {
        context(
            programs: try UnusableFile.decode(ProgramFile.self, Data(world.programs), of: "programmes"),
            signUps: try UnusableFile.decode(SignUpFile.self, Data(world.signUps), of: "affiliates"))
    }
}
