/// What the model sees of an affiliate on a day: each signal's strength against peers and its change against the own
/// past, and how unusual the whole is. To who has no past yet, all that is unusual is a change.
public struct FraudFeatures: Sendable, Hashable, Codable {
    /// To be raised when a signal is added, moved or measured in another way: what was stored under another layout
    /// teaches nothing.
    public static let layout: Int32 = 2

    /// Strengths, changes, then the anomaly.
    public static let count = 2 * FraudSignal.allCases.count + 1
    public static let anomalyIndex = count - 1

    public internal(set) var values: [Float]

    public init(values: [Float]) { self.values = values }

    init(_ findings: [SignalFinding]) {
        values = [Float](repeating: 0, count: FraudFeatures.count)
        for finding in findings {
            let index = finding.signal.index
            values[index] = max(values[index], Float(finding.strength))
            let change = FraudSignal.allCases.count + index
            values[change] = max(values[change], Float(finding.change ?? finding.strength))
        }
    }

    /// Where a signal's strength and its change are.
    public static func indices(of signal: FraudSignal) -> [Int] {
        [signal.index, FraudSignal.allCases.count + signal.index]
    }

    /// As tables of features name it.
    public static func name(_ index: Int) -> String {
        let signals = FraudSignal.allCases
        if index < signals.count { return signals[index].rawValue }
        return index == anomalyIndex ? "anomaly" : signals[index - signals.count].rawValue + "_change"
    }

    static func family(_ index: Int) -> FraudSignal.Family? {
        let signals = FraudSignal.allCases
        return index == anomalyIndex ? nil : signals[index % signals.count].family
    }
}

/// How unusual affiliates are as a whole, by nothing but each other: for every signal the share of affiliates at least
/// as strong (ECOD, one-sided), of which the strongest of each family are added up.
struct AnomalyScore {
    private static let familiesCounted = 3

    /// Fills in the anomaly of each of the features, which are of one day.
    static func fill(_ features: inout [FraudFeatures]) {
        guard features.count >= 10 else { return }
        let signals = FraudSignal.allCases
        var best = [[FraudSignal.Family: Float]](repeating: [:], count: features.count)
        for (column, signal) in signals.enumerated() {
            let sorted = features.map { $0.values[column] }.sorted()
            guard let most = sorted.last, most > 0 else { continue }
            for (row, feature) in features.enumerated() where feature.values[column] > 0 {
                let value = feature.values[column]
                let tail = share(of: sorted, from: value)
                // A rare value that is weak in itself is no anomaly.
                let score = min(value, Float(-Elementary.log10(tail)) * 2)
                best[row][signal.family] = max(best[row][signal.family] ?? 0, score)
            }
        }
        for (row, families) in best.enumerated() {
            let strongest = families.values.sorted(by: >).prefix(familiesCounted)
            features[row].values[FraudFeatures.anomalyIndex] = strongest.reduce(0, +)
        }
    }

    /// The share of ascending values that are at least `value`.
    private static func share(of sorted: [Float], from value: Float) -> Double {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < value { low = middle + 1 } else { high = middle }
        }
        return Double(sorted.count - low) / Double(sorted.count)
    }
}
