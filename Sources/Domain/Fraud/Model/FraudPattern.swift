/// What one kind of fraud looks like: what each signal says for it, against honesty.
public struct FraudPattern: Sendable, Hashable {
    /// The kind.
    public let name: String
    /// Nats without any evidence.
    public let bias: Double
    /// By feature, in nats for each unit; none below 0.
    public let weights: [Double]

    /// Weights are kept in hundredths of a nat, so that a table of them is the pattern to the bit.
    public init(name: String, bias: Double, weights: [Double]) {
        self.name = name
        self.bias = (bias * 100).rounded() / 100
        self.weights = weights.map { ($0 * 100).rounded() / 100 }
    }
}

extension FraudPattern {
    private static let columnsMaximum = 104

    /// As the table of weights has it: name and bias, then features with their weights, both in hundredths.
    public static func text(of patterns: [FraudPattern]) -> String {
        func hundredths(_ value: Double) -> String { "\(Int((value * 100).rounded()))" }
        var lines: [String] = []
        for pattern in patterns {
            lines.append("pattern \(pattern.name) \(hundredths(pattern.bias))")
            var line = ""
            for (index, weight) in pattern.weights.enumerated() where weight > 0 {
                let word = "\(FraudFeatures.name(index)) \(hundredths(weight))"
                if line.count + word.count >= columnsMaximum {
                    lines.append(line)
                    line = ""
                }
                line += line.isEmpty ? word : " " + word
            }
            if !line.isEmpty { lines.append(line) }
        }
        return lines.joined(separator: "\n")
    }

    /// - Returns: nil unless `text` is what `text(of:)` writes.
    public static func patterns(text: String) -> [FraudPattern]? {
        let names = Dictionary(uniqueKeysWithValues: (0..<FraudFeatures.count).map { (FraudFeatures.name($0), $0) })
        var patterns: [FraudPattern] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.first == "pattern" {
                guard words.count == 3, let bias = Int32(words[2]) else { return nil }
                let none = [Double](repeating: 0, count: FraudFeatures.count)
                patterns.append(FraudPattern(name: String(words[1]), bias: Double(bias) / 100, weights: none))
                continue
            }
            guard let pattern = patterns.popLast(), words.count.isMultiple(of: 2) else { return nil }
            var weights = pattern.weights
            for place in stride(from: 0, to: words.count, by: 2) {
                guard let index = names[String(words[place])], let weight = Int32(words[place + 1]) else { return nil }
                weights[index] = Double(weight) / 100
            }
            patterns.append(FraudPattern(name: pattern.name, bias: pattern.bias, weights: weights))
        }
        return patterns
    }
}
