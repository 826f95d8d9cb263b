extension FraudModel {
    /// What was learnt on made worlds.
    public static let standard = FraudModel(
        version: StandardWeights.version, patterns: FraudPattern.patterns(text: StandardWeights.patterns) ?? [],
        rarity: FraudRarity(text: StandardWeights.rarity), priorShift: StandardWeights.priorShift)
}
