/// How rare what is seen of an affiliate is among honest ones, whether or not a cheat was ever seen with it: the part
/// of the model that finds kinds of fraud nobody showed it.
///
/// Look-alikes make their own signals common, so these say little here however strong they are; and who was odd from
/// the first day on may be, so the standard model asks for changes alone.
public struct FraudRarity: Sendable {
    /// What a signal must reach for each step of its tail.
    static let steps: [Float] = [0.2, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5]
    /// Families that count, the rarest first.
    static let familiesCounted = 2

    /// By feature: −log₁₀ of the share of honest days that reach each step; empty for features that are not asked.
    var tails: [[Float]]
    /// Nats without any evidence.
    var bias: Double
    /// Nats for each power of ten, of the rarest family and of the next.
    var weights: [Double]

    /// The rarest feature of each of the families that count.
    func rarest(_ features: FraudFeatures) -> [(index: Int, rarity: Double)] {
        var best: [FraudSignal.Family: (index: Int, rarity: Double)] = [:]
        for (index, value) in features.values.enumerated() where value >= FraudRarity.steps[0] {
            guard let family = FraudFeatures.family(index), !tails[index].isEmpty else { continue }
            let step = (FraudRarity.steps.firstIndex { value < $0 } ?? FraudRarity.steps.count) - 1
            let rarity = Double(tails[index][step])
            if rarity > best[family]?.rarity ?? 0 { best[family] = (index, rarity) }
        }
        let sorted = best.values.sorted { ($1.rarity, $0.index) < ($0.rarity, $1.index) }
        return Array(sorted.prefix(FraudRarity.familiesCounted))
    }

    /// What each of them adds, in nats.
    func contributions(_ features: FraudFeatures) -> [(index: Int, nats: Double)] {
        zip(rarest(features), weights).map { ($0.index, $0.rarity * $1) }
    }

    /// The logarithm of the odds by rarity alone.
    func logit(_ features: FraudFeatures) -> Double { contributions(features).reduce(bias) { $0 + $1.nats } }
}
