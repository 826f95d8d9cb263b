/// One affiliate-day that is known to be fraud or honest.
public struct FraudExample: Sendable {
    public let features: FraudFeatures
    public let isFraud: Bool
    /// What it counts: less than 1 for what nobody looked at, more for what was looked at by chance.
    public let weight: Double

    public init(features: FraudFeatures, isFraud: Bool, weight: Double = 1) {
        self.features = features
        self.isFraud = isFraud
        self.weight = weight
    }
}

/// Logistic regression with a Gaussian prior around given weights, none of which may fall below 0: a few odd examples
/// can weaken a signal, never invert it.
///
/// Minimises Σ weight × log loss + λ ÷ 2 × Σ (w − w₀)², one coordinate after the other by Newton's step.
public struct LogisticFit: Sendable {
    /// Rounds over all coordinates.
    private static let roundsMaximum = 60
    private static let stepMaximum = 1.0
    private static let precision = 1e-4

    public private(set) var bias: Double
    public private(set) var weights: [Double]
    private let limits: [Double]

    /// - Parameters:
    ///   - bias, weights: where the prior has its middle.
    ///   - precision: λ, how firmly the prior holds.
    ///   - biasPrecision: the same of the bias; 0 leaves it free.
    ///   - limits: what weights are at most, by index; those of the other indices have no limit.
    public init(
        _ examples: [FraudExample], around bias: Double, _ weights: [Double], precision lambda: Double,
        biasPrecision: Double = 0, limits: [Int: Double] = [:]
    ) {
        self.bias = bias
        self.limits = weights.indices.map { limits[$0] ?? .infinity }
        self.weights = weights
        let prior = (bias: bias, weights: weights)
        var columns = [[(row: Int32, value: Float)]](repeating: [], count: weights.count)
        var logits = [Double](repeating: bias, count: examples.count)
        for (row, example) in examples.enumerated() {
            for (index, value) in example.features.values.enumerated() where value != 0 {
                columns[index].append((Int32(row), value))
                logits[row] += weights[index] * Double(value)
            }
        }
        for _ in 0..<LogisticFit.roundsMaximum {
            var largest = stepBias(examples, &logits, prior: prior.bias, biasPrecision)
            for index in weights.indices where !columns[index].isEmpty {
                let step = step(examples, columns[index], &logits, index, prior: prior.weights[index], lambda)
                largest = max(largest, abs(step))
            }
            if largest < LogisticFit.precision { break }
        }
    }

    private mutating func stepBias(
        _ examples: [FraudExample], _ logits: inout [Double], prior: Double, _ lambda: Double
    ) -> Double {
        var gradient = lambda * (bias - prior)
        var curvature = lambda + 1e-9
        for (example, logit) in zip(examples, logits) {
            let p = Elementary.logistic(logit)
            gradient += example.weight * (p - (example.isFraud ? 1 : 0))
            curvature += example.weight * p * (1 - p)
        }
        let step = LogisticFit.bounded(-gradient / curvature)
        bias += step
        for row in logits.indices { logits[row] += step }
        return abs(step)
    }

    private mutating func step(
        _ examples: [FraudExample], _ column: [(row: Int32, value: Float)], _ logits: inout [Double], _ index: Int,
        prior: Double, _ lambda: Double
    ) -> Double {
        var gradient = lambda * (weights[index] - prior)
        var curvature = lambda + 1e-9
        for (row, value) in column {
            let example = examples[Int(row)]
            let p = Elementary.logistic(logits[Int(row)])
            gradient += example.weight * (p - (example.isFraud ? 1 : 0)) * Double(value)
            curvature += example.weight * p * (1 - p) * Double(value * value)
        }
        let wanted = min(limits[index], max(0, weights[index] + LogisticFit.bounded(-gradient / curvature)))
        let step = wanted - weights[index]
        guard step != 0 else { return 0 }
        weights[index] = wanted
        for (row, value) in column { logits[Int(row)] += step * Double(value) }
        return step
    }

    private static func bounded(_ step: Double) -> Double { min(stepMaximum, max(-stepMaximum, step)) }
}
