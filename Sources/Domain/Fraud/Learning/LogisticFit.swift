/// One affiliate-day of which something is known.
public struct FraudExample: Sendable {
    public let features: FraudFeatures
    /// That it is fraud: 0 or 1 if that was found out, between them if it is a guess.
    public let truth: Double
    /// What it counts: less than 1 for what nobody looked at, more for what was looked at by chance.
    public let weight: Double
    /// Nats that speak for fraud whatever the weights are.
    public let offset: Double
    /// How often whoever found it out is wrong.
    public let doubt: Double

    public init(features: FraudFeatures, isFraud: Bool, weight: Double = 1) {
        self.init(features: features, truth: isFraud ? 1 : 0, weight: weight)
    }

    init(features: FraudFeatures, truth: Double, weight: Double = 1, offset: Double = 0, doubt: Double = 0) {
        self.features = features
        self.truth = truth
        self.weight = weight
        self.offset = offset
        self.doubt = doubt
    }

    var isFraud: Bool { truth > 0.5 }

    /// How the loss changes with the logarithm of the odds. Of a doubtful example it changes little where the odds are
    /// far from what was said: such a word is rather wrong than news.
    func slope(at logit: Double) -> (gradient: Double, curvature: Double) {
        let p = Elementary.logistic(logit)
        let spread = p * (1 - p)
        guard doubt > 0 else { return (weight * (p - truth), weight * spread) }
        let said = doubt + (1 - 2 * doubt) * p
        let change = (1 - 2 * doubt) * spread / (said * (1 - said))
        return (weight * (said - truth) * change, weight * said * (1 - said) * change * change)
    }
}

/// Logistic regression with a Gaussian prior around given weights, none of which may fall below 0: a few odd examples
/// can weaken a signal, never invert it.
///
/// Minimises Σ weight × log loss + λ ÷ 2 × Σ (w − w₀)², one coordinate after the other by Newton's step.
public struct LogisticFit: Sendable {
    /// Rounds over all coordinates, or over those that move.
    private static let roundsMaximum = 120
    private static let stepMaximum = 1.0
    private static let precision = 1e-4

    public private(set) var bias: Double
    public private(set) var weights: [Double]
    private let share: Double

    /// - Parameters:
    ///   - bias, weights: where the prior has its middle.
    ///   - precision: λ, how firmly the prior holds.
    ///   - biasPrecision: the same of the bias; 0 leaves it free.
    ///   - share: what a nat of bias and weights is of the odds; the rest of them is in the examples' offsets.
    public init(
        _ examples: [FraudExample], around bias: Double, _ weights: [Double], precision lambda: Double,
        biasPrecision: Double = 0, share: Double = 1
    ) {
        self.bias = bias
        self.share = share
        self.weights = weights
        let prior = (bias: bias, weights: weights)
        var columns = [[(row: Int32, value: Float)]](repeating: [], count: weights.count)
        var logits = examples.map { share * bias + $0.offset }
        for (row, example) in examples.enumerated() {
            for (index, value) in example.features.values.enumerated() where value != 0 {
                columns[index].append((Int32(row), value))
                logits[row] += share * weights[index] * Double(value)
            }
        }
        // Most weights stay where they start: rounds over those that move settle these before all are asked again.
        let all = weights.indices.filter { !columns[$0].isEmpty }
        var asked = all
        for _ in 0..<LogisticFit.roundsMaximum {
            var largest = stepBias(examples, &logits, prior: prior.bias, biasPrecision)
            var moved: [Int] = []
            for index in asked {
                let step = step(examples, columns[index], &logits, index, prior: prior.weights[index], lambda)
                largest = max(largest, abs(step))
                if step != 0 { moved.append(index) }
            }
            if largest >= LogisticFit.precision {
                asked = moved
            } else if asked.count == all.count {
                break
            } else {
                asked = all
            }
        }
    }

    private mutating func stepBias(
        _ examples: [FraudExample], _ logits: inout [Double], prior: Double, _ lambda: Double
    ) -> Double {
        var gradient = lambda * (bias - prior)
        var curvature = lambda + 1e-9
        for (example, logit) in zip(examples, logits) {
            let slope = example.slope(at: logit)
            gradient += slope.gradient * share
            curvature += slope.curvature * share * share
        }
        let step = LogisticFit.bounded(-gradient / curvature)
        bias += step
        for row in logits.indices { logits[row] += share * step }
        return abs(step)
    }

    private mutating func step(
        _ examples: [FraudExample], _ column: [(row: Int32, value: Float)], _ logits: inout [Double], _ index: Int,
        prior: Double, _ lambda: Double
    ) -> Double {
        var gradient = lambda * (weights[index] - prior)
        var curvature = lambda + 1e-9
        for (row, value) in column {
            let slope = examples[Int(row)].slope(at: logits[Int(row)])
            let change = share * Double(value)
            gradient += slope.gradient * change
            curvature += slope.curvature * change * change
        }
        let wanted = max(0, weights[index] + LogisticFit.bounded(-gradient / curvature))
        let step = wanted - weights[index]
        guard step != 0 else { return 0 }
        weights[index] = wanted
        for (row, value) in column { logits[Int(row)] += share * step * Double(value) }
        return step
    }

    private static func bounded(_ step: Double) -> Double { min(stepMaximum, max(-stepMaximum, step)) }
}
