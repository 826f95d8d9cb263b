/// What an admin decided about an affiliate.
public struct FraudDecision: Sendable, Hashable, Codable {
    /// For how long what was dismissed is allowed unless the admin says otherwise.
    public static let allowanceDaysStandard: Int32 = 60

    public let affiliate: UInt64
    public let isConfirmed: Bool
    /// For how long what the affiliate was seen with is allowed, once dismissed; 0: not at all.
    public let allowanceDays: Int32
    /// What the admin saw of the affiliate; nil: what its standing shows.
    public let seen: FraudFeatures?

    public init(
        affiliate: UInt64, isConfirmed: Bool, allowanceDays: Int32 = allowanceDaysStandard, seen: FraudFeatures? = nil
    ) {
        self.affiliate = affiliate
        self.isConfirmed = isConfirmed
        self.allowanceDays = allowanceDays
        self.seen = seen
    }
}

/// Learns from decisions: how far each signal is trusted where a pattern uses it, and what it says beside all patterns.
/// The patterns and what is rare stay as they were learnt, and nothing learnt falls below 0: no decision turns a signal
/// round.
///
/// Admins look at what is suspected, and at a case once, however many days it takes: cases are another world than days.
/// So a sample of all days counts beside them, each as probable as the standard model has it, and what nobody looked at
/// stays what it was.
public struct DecisionLearning: Sendable {
    /// λ: what the standard trust counts beside the decisions; and the standard bias.
    private static let precision = 300.0
    private static let biasPrecision = 20.0
    private static let examplesMaximum = 5_000
    /// Days in the sample.
    public static let backgroundMaximum = 400
    /// What each counts: many that nobody looked at, of whom every one is a weak witness.
    private static let backgroundWeight = 4.0
    /// How often an admin is taken to be wrong.
    private static let doubt = 0.1

    private let standard: FraudModel
    private var examples: [FraudExample] = []
    /// By a hash of what each is, the least of which stay: a sample that does not depend on an order.
    private var background: [(key: UInt64, example: FraudExample)] = []

    public init(_ standard: FraudModel) { self.standard = standard }

    public mutating func learn(_ decision: FraudDecision, _ features: FraudFeatures) {
        examples.append(
            FraudExample(features: features, truth: decision.isConfirmed ? 1 : 0, doubt: Self.doubt))
        if examples.count > DecisionLearning.examplesMaximum { examples.removeFirst() }
    }

    /// Takes in a day of an affiliate, whether or not somebody looked at it.
    public mutating func see(_ features: FraudFeatures, of affiliate: UInt64, on day: Int32) {
        let key = FraudHash.mixed(affiliate ^ FraudHash.mixed(UInt64(bitPattern: Int64(day))))
        let isFull = background.count >= Self.backgroundMaximum
        if isFull, let last = background.last, key >= last.key { return }
        if isFull { background.removeLast() }
        let truth = Elementary.logistic(standard.logit(features))
        let index = background.firstIndex { $0.key > key } ?? background.count
        let example = FraudExample(features: features, truth: truth, weight: Self.backgroundWeight)
        background.insert((key, example), at: index)
    }

    /// The standard model as the decisions so far change it.
    public var model: FraudModel {
        guard !examples.isEmpty else { return standard }
        let all = examples + background.map(\.example)
        let fit = LogisticFit(
            all.map(weighable), around: standard.bias, standard.trust + standard.added, precision: Self.precision,
            biasPrecision: Self.biasPrecision, share: standard.slope)
        var model = standard
        model.bias = fit.bias
        model.trust = Array(fit.weights.prefix(FraudFeatures.count))
        model.added = Array(fit.weights.suffix(FraudFeatures.count))
        model.version = "\(standard.version)+\(examples.count)"
        if let calibration = Calibration(of: model, by: all, decisions: examples.count) {
            model.slope *= calibration.slope
            model.priorShift += calibration.shift
        }
        return model
    }

    /// An example by what its features say through the patterns, in nats, and then by themselves.
    private func weighable(_ example: FraudExample) -> FraudExample {
        let values = standard.tangent(example.features).map(Float.init) + example.features.values
        let weighed = zip(standard.trust + standard.added, values).reduce(standard.bias) { $0 + $1.0 * Double($1.1) }
        return FraudExample(
            features: FraudFeatures(values: values), truth: example.truth, weight: example.weight,
            offset: standard.logit(example.features) - standard.slope * weighed, doubt: example.doubt)
    }
}

extension FraudBook {
    /// Takes a decision in: a dismissed affiliate is allowed for some time what it was seen with, a confirmed one stays
    /// under suspicion.
    ///
    /// - Returns: what the affiliate was seen with; nil if it was never judged.
    public mutating func decide(_ decision: FraudDecision) -> FraudFeatures? {
        guard let day, var standing = standings[decision.affiliate], let shown = standing.features else { return nil }
        let features = decision.seen ?? shown
        standing.decide(decision, features, on: day)
        standings[decision.affiliate] = standing
        candidateStandings[decision.affiliate]?.decide(decision, features, on: day)
        return features
    }
}

extension FraudStanding {
    /// What a signal may grow beyond what was dismissed, in −log₁₀ p.
    private static let allowanceSlack: Float = 0.7
    /// Enough to stay under suspicion for some days that show nothing.
    private static let confirmedEvidence = 12.0

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
