/// What an admin decided about an affiliate.
public struct FraudDecision: Sendable, Hashable, Codable {
    /// For how long what was dismissed is allowed unless the admin says otherwise.
    public static let allowanceDaysStandard: Int32 = 60

    public let affiliate: UInt64
    public let isConfirmed: Bool
    /// For how long what the affiliate was seen with is allowed, once dismissed; 0: not at all.
    public let allowanceDays: Int32

    public init(affiliate: UInt64, isConfirmed: Bool, allowanceDays: Int32 = allowanceDaysStandard) {
        self.affiliate = affiliate
        self.isConfirmed = isConfirmed
        self.allowanceDays = allowanceDays
    }
}

/// Learns from decisions: the linear weights move from the standard ones as far as the decided cases ask for, and no
/// weight falls below 0. The trees stay as they are, so that a wrong admin can spoil half of a score at most.
public struct DecisionLearning: Sendable {
    /// λ: what the standard weights count beside the decisions.
    private static let precision = 8.0
    private static let examplesMaximum = 5_000

    private let standard: FraudModel
    private var examples: [FraudExample] = []

    public init(_ standard: FraudModel) { self.standard = standard }

    public mutating func learn(_ decision: FraudDecision, _ features: FraudFeatures) {
        examples.append(FraudExample(features: features, isFraud: decision.isConfirmed))
        if examples.count > DecisionLearning.examplesMaximum { examples.removeFirst() }
    }

    /// The standard model as the decisions so far change it.
    public var model: FraudModel {
        guard !examples.isEmpty else { return standard }
        let fit = LogisticFit(
            examples, around: standard.bias, standard.weights, precision: DecisionLearning.precision,
            biasPrecision: DecisionLearning.precision)
        var model = standard
        model.bias = fit.bias
        model.weights = fit.weights
        model.version = "\(standard.version)+\(examples.count)"
        return model
    }
}

extension FraudBook {
    /// Takes a decision in: a dismissed affiliate is allowed for some time what it was seen with, a confirmed one stays
    /// under suspicion.
    ///
    /// - Returns: what the affiliate was last seen with; nil if it was never judged.
    public mutating func decide(_ decision: FraudDecision) -> FraudFeatures? {
        guard let day, var standing = standings[decision.affiliate], let features = standing.features else {
            return nil
        }
        standing.decide(decision, features, on: day)
        standings[decision.affiliate] = standing
        candidateStandings[decision.affiliate]?.decide(decision, features, on: day)
        return features
    }
}

extension FraudStanding {
    /// What a signal may grow beyond what was dismissed, in −log₁₀ p.
    private static let allowanceSlack: Float = 0.7
    /// Enough to stay under suspicion for a week of days that show nothing.
    private static let confirmedEvidence = 8.0

    mutating func decide(_ decision: FraudDecision, _ features: FraudFeatures, on day: Int32) {
        if decision.isConfirmed {
            carried = max(carried, FraudStanding.confirmedEvidence)
            verdict = .hold
            return
        }
        allowance = features
        allowedUntil = day + decision.allowanceDays
        carried = 0
        verdict = .clear
    }

    /// The features without what an admin found honest.
    func unallowed(_ features: FraudFeatures, on day: Int32) -> FraudFeatures {
        guard let allowance, day <= allowedUntil else { return features }
        var rest = features
        for index in rest.values.indices
        where allowance.values[index] > 0
            && rest.values[index] <= allowance.values[index] + FraudStanding.allowanceSlack
        {
            rest.values[index] = 0
        }
        return rest
    }
}
