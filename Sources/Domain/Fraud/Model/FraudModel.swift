/// Weighs the signals of an affiliate to a probability: a sum of what each adds, no family more than its limit, beside
/// trees and beside how rare they are among honest affiliates; no signal ever adds less than nothing.
public struct FraudModel: Sendable, Codable {
    /// Of the stored weights; a stored score keeps the version that made it.
    public var version: String
    /// Nats without any evidence.
    public var bias: Double
    /// By feature, in nats for each unit; none below 0.
    public var weights: [Double]
    /// Nats that one family of signals adds at most.
    public var familyLimit: Double
    /// Trees that are asked beside the sum, of which the mean counts; empty without.
    public var trees: [FraudTree]
    /// Nats of the trees without any evidence.
    public var treeBias: Double
    /// How rare the signals are among honest affiliates, which counts as much as sum and trees; nil: not asked.
    public var rarity: FraudRarity?
    /// How the share of fraud differs from that among the examples the weights were learnt from, in nats.
    public var priorShift: Double
    /// What a nat of evidence turned out to be worth; 1 until enough was decided to tell.
    public var slope: Double

    public init(
        version: String, bias: Double, weights: [Double], familyLimit: Double, trees: [FraudTree] = [],
        treeBias: Double = 0, rarity: FraudRarity? = nil, priorShift: Double = 0, slope: Double = 1
    ) {
        self.version = version
        self.bias = bias
        self.weights = weights
        self.familyLimit = familyLimit
        self.trees = trees
        self.treeBias = treeBias
        self.rarity = rarity
        self.priorShift = priorShift
        self.slope = slope
    }

    /// What each feature adds to the logarithm of the odds by its weight and its rarity, in nats, the limits of the
    /// families applied in proportion. What trees add belongs to no feature by itself.
    public func contributions(_ features: FraudFeatures) -> [Double] {
        var parts = weighed(features)
        for part in rarity?.contributions(features) ?? [] { parts[part.index] += part.nats }
        return parts.map { $0 * weightShare * slope }
    }

    /// What each adds to the sum.
    private func weighed(_ features: FraudFeatures) -> [Double] {
        var parts = [Double](repeating: 0, count: FraudFeatures.count)
        var sums: [FraudSignal.Family: Double] = [:]
        for index in parts.indices where features.values[index] > 0 && index < weights.count {
            parts[index] = weights[index] * Double(features.values[index])
            if let family = FraudFeatures.family(index) { sums[family, default: 0] += parts[index] }
        }
        for index in parts.indices where parts[index] > 0 {
            guard let family = FraudFeatures.family(index), let sum = sums[family], sum > familyLimit else { continue }
            parts[index] *= familyLimit / sum
        }
        return parts
    }

    /// The logarithm of the odds without any evidence: the least there is.
    public var base: Double { logit(FraudFeatures([])) }

    /// That an affiliate cheats, by what one day shows alone.
    public func probability(_ features: FraudFeatures) -> Double { Elementary.logistic(logit(features)) }

    /// The logarithm of the odds.
    public func logit(_ features: FraudFeatures) -> Double {
        let weighed = uncalibrated(features)
        guard slope != 1 else { return weighed + priorShift }
        let none = uncalibrated(FraudFeatures([]))
        return none + priorShift + slope * (weighed - none)
    }

    /// Nats by which rarity alone must outweigh the mean to count instead of it: what weights and trees were never
    /// shown they take for nothing.
    private static let rarityMargin = 2.5

    /// What the model says before it is calibrated.
    func uncalibrated(_ features: FraudFeatures) -> Double {
        let linear = bias + weighed(features).reduce(0, +)
        var all = linear
        if !trees.isEmpty { all += trees.reduce(treeBias) { $0 + $1.value(features.values) } }
        guard let rare = rarity?.logit(features) else { return all * weightShare }
        return max((all + rare) * weightShare, rare - FraudModel.rarityMargin)
    }

    /// What a nat of the sum is of the whole.
    var weightShare: Double { 1 / Double(1 + (trees.isEmpty ? 0 : 1) + (rarity == nil ? 0 : 1)) }
}
