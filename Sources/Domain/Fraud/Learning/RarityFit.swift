extension FraudRarity {
    /// Days of a tail that chance alone may fill.
    private static let smoothing = 2.0
    /// λ on what a power of ten adds.
    private static let precision = 10.0
    private static let priorBias = -6.0
    private static let priorWeights = [1.5, 0.5]

    /// Counts the tails of the honest days; of the fraud it learns no more than what a power of ten is worth.
    ///
    /// - Parameter unasked: features that say nothing of an affiliate by themselves.
    public init(_ examples: [FraudExample], unasked: Set<Int> = []) {
        let honest = examples.filter { !$0.isFraud }
        let all = max(1, honest.reduce(0) { $0 + $1.weight })
        var reached = [[Double]](
            repeating: [Double](repeating: 0, count: FraudRarity.steps.count), count: FraudFeatures.count)
        for example in honest {
            for (index, value) in example.features.values.enumerated() where value > 0 {
                for (step, least) in FraudRarity.steps.enumerated() where value >= least {
                    reached[index][step] += example.weight
                }
            }
        }
        tails = reached.enumerated().map { index, counts in
            guard !unasked.contains(index) else { return [] }
            return counts.map { count in
                let share = count / all + FraudRarity.smoothing / Double(max(1, honest.count))
                return Float((-Elementary.log10(min(1, share)) * 100).rounded() / 100)
            }
        }
        bias = FraudRarity.priorBias
        weights = FraudRarity.priorWeights
        let tens = examples.map { example in
            var values = rarest(example.features).map { Float($0.rarity) }
            values += [Float](repeating: 0, count: FraudRarity.familiesCounted - values.count)
            return FraudExample(
                features: FraudFeatures(values: values), isFraud: example.isFraud, weight: example.weight)
        }
        let fit = LogisticFit(tens, around: bias, weights, precision: FraudRarity.precision)
        bias = (fit.bias * 1_000).rounded() / 1_000
        weights = fit.weights.map { ($0 * 1_000).rounded() / 1_000 }
    }
}

extension FraudRarity {
    /// As the table of weights has it: the bias and what each power of ten adds in thousandths, then a feature with its
    /// tail in hundredths a line.
    public var text: String {
        var lines = [([bias] + weights).map { "\(Int(($0 * 1_000).rounded()))" }.joined(separator: " ")]
        for (index, tail) in tails.enumerated() where tail.contains(where: { $0 > 0 }) {
            let steps = tail.map { "\(Int(($0 * 100).rounded()))" }
            lines.append(([FraudFeatures.name(index)] + steps).joined(separator: " "))
        }
        return lines.joined(separator: "\n")
    }

    /// - Returns: nil unless `text` is what `text` writes.
    public init?(text: String) {
        let names = Dictionary(uniqueKeysWithValues: (0..<FraudFeatures.count).map { (FraudFeatures.name($0), $0) })
        let lines = text.split(separator: "\n").map { $0.split(separator: " ") }
        let nats = (lines.first ?? []).compactMap { Int32($0).map { Double($0) / 1_000 } }
        guard nats.count == 1 + FraudRarity.familiesCounted else { return nil }
        bias = nats[0]
        weights = Array(nats.dropFirst())
        tails = [[Float]](repeating: [], count: FraudFeatures.count)
        for words in lines.dropFirst() {
            let tail = words.dropFirst().compactMap { Int32($0).map { Float($0) / 100 } }
            guard let index = names[String(words[0])], tail.count == FraudRarity.steps.count else { return nil }
            tails[index] = tail
        }
    }
}
