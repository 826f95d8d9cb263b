/// Where an affiliate stands: its verdict changes later than its score, so that it does not flicker.
public struct FraudStanding: Sendable, Hashable, Codable {
    /// Probabilities from which on a verdict is raised, and below which, for some days, it is lowered again.
    public static let reviewFrom = 0.5
    public static let holdFrom = 0.8
    public static let clearBelow = 0.3
    public static let calmDays: Int32 = 3

    public var verdict = FraudVerdict.clear
    /// Of the last day judged.
    public var probability = 0.0
    /// Evidence that is carried on, in nats above the prior.
    public var carried = 0.0
    public var day: Int32 = .min
    var calmSince: Int32?
    /// What a decision is about: under suspicion what its strongest day showed, or else the last.
    var features: FraudFeatures?
    /// What an admin found honest, until when.
    var allowance: FraudFeatures?
    var allowedUntil: Int32 = .min

    public init() {}

    /// Share of yesterday's evidence that is carried on into a day that shows less.
    private static let carriedShare = 0.8
    /// Days after which nothing to speak of is left of it.
    private static let carriedDays: Int32 = 60

    /// Keeps what a day shows for who decides, unless there is suspicion of what showed more.
    mutating func show(_ features: FraudFeatures, _ model: FraudModel, on day: Int32) {
        if verdict > .clear, let before = self.features,
            model.logit(unallowed(before, on: day)) > model.logit(unallowed(features, on: day))
        {
            return
        }
        self.features = features
    }

    /// Takes in what a day shows, beside what is carried on from the days before.
    ///
    /// - Returns: the day's probability.
    mutating func take(_ features: FraudFeatures, _ model: FraudModel, base: Double, on day: Int32) -> Double {
        if self.day != .min {
            for _ in 0..<min(max(day - self.day, 0), FraudStanding.carriedDays) {
                carried *= FraudStanding.carriedShare
            }
        }
        carried = max(model.logit(features) - base, carried)
        let probability = Elementary.logistic(base + carried)
        advance(to: day, probability: probability)
        return probability
    }

    /// Takes a day's probability in.
    public mutating func advance(to day: Int32, probability: Double) {
        self.day = day
        self.probability = probability
        if probability >= FraudStanding.holdFrom {
            verdict = .hold
        } else if probability >= FraudStanding.reviewFrom {
            verdict = max(verdict, .review)
        }
        let isCalm = probability < FraudStanding.clearBelow
        guard isCalm, verdict > .clear else {
            calmSince = nil
            return
        }
        let since = calmSince ?? day
        calmSince = since
        if day - since >= FraudStanding.calmDays { verdict = .clear }
    }
}
