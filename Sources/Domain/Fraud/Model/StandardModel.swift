extension FraudModel {
    /// The weights that `tributary backtest train` learnt.
    public static let standard: FraudModel = FraudModel(
        version: "hand-0", bias: -3.5,
        weights: (0..<FraudFeatures.count).map { $0 == FraudFeatures.anomalyIndex ? 0.2 : 0.4 }, familyLimit: 4)
}
