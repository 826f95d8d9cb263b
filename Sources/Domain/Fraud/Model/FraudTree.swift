/// A regression tree of three questions, "is the feature at least as much?", whose value never falls when a signal
/// grows.
public struct FraudTree: Sendable, Codable, Hashable {
    static let depth = 3
    static let questions = 7
    static let leaves = 8

    /// Level by level; −1 where nothing is asked, which counts as no.
    private var features = [Int32](repeating: -1, count: questions)
    private var thresholds = [Float](repeating: 0, count: questions)
    private var values = [Float](repeating: 0, count: leaves)

    public init() {}

    mutating func set(_ question: Int, feature: Int?, threshold: Float) {
        features[question] = Int32(feature ?? -1)
        thresholds[question] = threshold
    }

    mutating func set(leaf: Int, value: Float) { values[leaf] = value }

    func value(_ row: [Float]) -> Double {
        var place = 0
        for _ in 0..<FraudTree.depth {
            let feature = Int(features[place])
            let isMore = feature >= 0 && row[feature] >= thresholds[place]
            place = 2 * place + (isMore ? 2 : 1)
        }
        return Double(values[place - FraudTree.questions])
    }

    /// As the table of weights has it: questions as feature and threshold in thousandths, then leaves in thousandths.
    public var text: String {
        let asked = zip(features, thresholds).map { "\($0):\(Int(($1 * 1_000).rounded()))" }
        return (asked + values.map { "\(Int(($0 * 1_000).rounded()))" }).joined(separator: " ")
    }

    /// - Returns: nil unless `text` is what `text` writes.
    public init?(text: some StringProtocol) {
        let words = text.split(separator: " ")
        guard words.count == FraudTree.questions + FraudTree.leaves else { return nil }
        for (place, word) in words.prefix(FraudTree.questions).enumerated() {
            let parts = word.split(separator: ":")
            guard parts.count == 2, let feature = Int32(parts[0]), let threshold = Int32(parts[1]),
                feature < FraudFeatures.count
            else { return nil }
            features[place] = feature
            thresholds[place] = Float(threshold) / 1_000
        }
        for (place, word) in words.suffix(FraudTree.leaves).enumerated() {
            guard let value = Int32(word) else { return nil }
            values[place] = Float(value) / 1_000
        }
    }
}
