/// Weighs the signals of an affiliate to a probability: each kind of fraud has a pattern that gives the odds of that
/// kind, and the odds of fraud are their sum, beside the odds of what is rare among honest affiliates without being any
/// known kind. So a signal that tells one kind for sure is enough, however little it says of the others; and no signal
/// ever lowers a score.
public struct FraudModel: Sendable {
    /// Of the stored weights; a stored score keeps the version that made it.
    public var version: String
    public var patterns: [FraudPattern]
    /// How rare the signals are among honest affiliates; nil: not asked.
    public var rarity: FraudRarity?
    /// By feature, what a nat counts that a pattern gives it: 1 until decisions say otherwise, never below 0.
    public var trust: [Double]
    /// By feature, nats for each unit beside the patterns: 0 until decisions say otherwise, never below.
    public var added: [Double]
    /// Nats by which decisions moved the odds of everybody.
    public var bias: Double
    /// How the share of fraud differs from that among the examples the patterns were learnt from, in nats.
    public var priorShift: Double
    /// What a nat of evidence turned out to be worth; 1 until enough was decided to tell.
    public var slope: Double

    public init(
        version: String, patterns: [FraudPattern], rarity: FraudRarity? = nil, bias: Double = 0,
        priorShift: Double = 0, slope: Double = 1
    ) {
        self.version = version
        self.patterns = patterns
        self.rarity = rarity
        self.bias = bias
        self.priorShift = priorShift
        self.slope = slope
        trust = [Double](repeating: 1, count: FraudFeatures.count)
        added = [Double](repeating: 0, count: FraudFeatures.count)
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

    /// What each feature adds to the logarithm of the odds, in nats: in the proportions in which the patterns use it
    /// that fit, and together all that there is above the base.
    public func contributions(_ features: FraudFeatures) -> [Double] {
        let (present, odds) = (present(features), odds(features))
        var parts = tangent(present, odds)
        for (index, value) in present { parts[index] = trust[index] * parts[index] + added[index] * value }
        let rare = odds.rare.map { Elementary.exp($0 - odds.all) } ?? 0
        if rare > 0 { for part in rarity?.contributions(features) ?? [] { parts[part.index] += rare * part.nats } }
        let sum = parts.reduce(0, +)
        guard sum > 0 else { return parts }
        let scale = (logit(features) - base) / sum
        return parts.map { $0 * scale }
    }

    /// How the logarithm of the odds changes with the trust in each feature, in nats: what the patterns give it, each
    /// counting by its share of the odds.
    func tangent(_ features: FraudFeatures) -> [Double] { tangent(present(features), odds(features)) }

    private func tangent(_ present: [Present], _ odds: Odds) -> [Double] {
        var parts = [Double](repeating: 0, count: FraudFeatures.count)
        for (pattern, logit) in zip(patterns, odds.patterns) {
            let share = Elementary.exp(logit - odds.all)
            for (index, value) in present { parts[index] += share * pattern.weights[index] * value }
        }
        return parts
    }

    /// What the model says before it is calibrated.
    private func uncalibrated(_ features: FraudFeatures) -> Double {
        present(features).reduce(bias + odds(features).all) { $0 + added[$1.index] * $1.value }
    }

    private typealias Present = (index: Int, value: Double)
    /// The logarithms of the odds of each pattern, of no known kind, and of any of them.
    private typealias Odds = (patterns: [Double], rare: Double?, all: Double)

    private func present(_ features: FraudFeatures) -> [Present] {
        features.values.enumerated().compactMap { $1 > 0 ? (index: $0, value: Double($1)) : nil }
    }

    /// Nats by which what is rare counts less: its odds are those of any fraud, most of which has a pattern.
    private static let rarityMargin = 2.0

    private func odds(_ features: FraudFeatures) -> Odds {
        let trusted = present(features).map { (index: $0.index, value: trust[$0.index] * $0.value) }
        let logits = patterns.map { pattern in
            trusted.reduce(pattern.bias) { $0 + pattern.weights[$1.index] * $1.value }
        }
        let rare = rarity.map { $0.logit(features) - FraudModel.rarityMargin }
        let most = max(logits.max() ?? -.infinity, rare ?? -.infinity)
        let sum = logits.reduce(rare.map { Elementary.exp($0 - most) } ?? 0) { $0 + Elementary.exp($1 - most) }
        return (logits, rare, most + Elementary.log(sum))
    }
}
