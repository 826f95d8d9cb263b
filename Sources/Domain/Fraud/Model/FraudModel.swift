/// Weighs the signals of an affiliate to a probability: a sum of what each adds, no family more than its limit, and no
/// signal ever less than nothing.
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
    /// How the share of fraud differs from that among the examples the weights were learnt from, in nats.
    public var priorShift: Double

    public init(
        version: String, bias: Double, weights: [Double], familyLimit: Double, trees: [FraudTree] = [],
        treeBias: Double = 0, priorShift: Double = 0
    ) {
        self.version = version
        self.bias = bias
        self.weights = weights
        self.familyLimit = familyLimit
        self.trees = trees
        self.treeBias = treeBias
        self.priorShift = priorShift
    }

    /// What each feature adds, in nats, the limits of the families applied in proportion.
    public func contributions(_ features: FraudFeatures) -> [Double] {
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
        let linear = bias + contributions(features).reduce(0, +)
        guard !trees.isEmpty else { return linear + priorShift }
        let boosted = trees.reduce(treeBias) { $0 + $1.value(features.values) }
        return (linear + boosted) / 2 + priorShift
    }
}
