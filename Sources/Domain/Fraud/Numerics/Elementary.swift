/// Logarithm, exponential and root of a `Double`, the same to the bit on every machine: a stored score must come out
/// again wherever the past is judged once more. The C library's differ from one version to the next.
public enum Elementary {
    /// ln 2 in two parts, the first so short that its multiples are exact.
    private static let lnTwoHigh = 0.6931471803691238
    private static let lnTwoLow = 1.9082149292705877e-10
    /// 1 ÷ (2i + 1), the series of the area tangent.
    private static let oddReciprocals: [Double] = (0...11).map { 1 / Double(2 * $0 + 1) }
    private static let factorialReciprocals: [Double] = {
        var values = [1.0]
        for order in 1...14 { values.append(values[order - 1] / Double(order)) }
        return values
    }()

    /// The natural logarithm; −∞ for 0, not a number below it.
    public static func log(_ value: Double) -> Double {
        guard value > 0 else { return value == 0 ? -.infinity : .nan }
        guard value.isFinite else { return value }
        var exponent = Double(value.exponent)
        var significand = value.significand
        if significand > 1.414_213_562_373_095_1 {
            significand /= 2
            exponent += 1
        }
        let ratio = (significand - 1) / (significand + 1)
        let square = ratio * ratio
        var sum = 0.0
        for reciprocal in oddReciprocals.reversed() { sum = sum * square + reciprocal }
        return exponent * lnTwoHigh + (2 * ratio * sum + exponent * lnTwoLow)
    }

    /// e to the power of `value`; 0 below −745, ∞ above 709.
    public static func exp(_ value: Double) -> Double {
        guard value > -745 else { return value.isNaN ? .nan : 0 }
        guard value < 709.7 else { return .infinity }
        let doublings = (value / 0.693_147_180_559_945_3).rounded()
        let rest = (value - doublings * lnTwoHigh) - doublings * lnTwoLow
        var sum = 0.0
        for reciprocal in factorialReciprocals.reversed() { sum = sum * rest + reciprocal }
        // In two steps, since the scale alone may be smaller than any normal number.
        let half = Int(doublings) / 2
        return sum * Double(sign: .plus, exponent: half, significand: 1)
            * Double(sign: .plus, exponent: Int(doublings) - half, significand: 1)
    }

    public static func log10(_ value: Double) -> Double { log(value) / 2.302_585_092_994_045_7 }

    /// 1 ÷ (1 + e⁻ˣ).
    public static func logistic(_ value: Double) -> Double {
        value >= 0 ? 1 / (1 + exp(-value)) : exp(value) / (1 + exp(value))
    }

    /// ln(p ÷ (1 − p)).
    public static func logit(_ probability: Double) -> Double { log(probability) - log(1 - probability) }
}
