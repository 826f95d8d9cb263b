extension FraudModel {
    /// The weights that were learnt on made worlds.
    public static let standard: FraudModel = {
        let names = Dictionary(uniqueKeysWithValues: (0..<FraudFeatures.count).map { (FraudFeatures.name($0), $0) })
        var weights = [Double](repeating: 0, count: FraudFeatures.count)
        for line in StandardWeights.weights.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2, let index = names[String(words[0])], let weight = Int32(words[1]) else { continue }
            weights[index] = Double(weight) / 1_000
        }
        let trees = StandardWeights.trees.split(separator: "\n").compactMap { FraudTree(text: $0) }
        return FraudModel(
            version: StandardWeights.version, bias: StandardWeights.bias, weights: weights,
            familyLimit: StandardWeights.familyLimit, trees: trees, treeBias: StandardWeights.treeBias,
            rarity: FraudRarity(text: StandardWeights.rarity))
    }()
}
