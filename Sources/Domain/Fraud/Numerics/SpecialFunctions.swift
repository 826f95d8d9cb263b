/// The special functions behind the tests of one signal.
public enum SpecialFunctions {
    /// Rounds of a continued fraction or series; all converge far earlier for what is asked here.
    private static let roundsMaximum = 500
    private static let precision = 1e-14
    private static let tiny = 1e-300

    /// ln Γ(x) for x > 0, by Stirling's series beyond 10.
    public static func logGamma(_ value: Double) -> Double {
        var shifted = value
        var product = 1.0
        while shifted < 10 {
            product *= shifted
            shifted += 1
        }
        let inverse = 1 / shifted
        let square = inverse * inverse
        let series =
            inverse
            * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1_260 - square * (1.0 / 1_680 - square / 1_188))))
        let stirling = (shifted - 0.5) * Elementary.log(shifted) - shifted + 0.918_938_533_204_672_8 + series
        return product == 1 ? stirling : stirling - Elementary.log(product)
    }

    /// ln B(a, b).
    public static func logBeta(_ a: Double, _ b: Double) -> Double { logGamma(a) + logGamma(b) - logGamma(a + b) }

    /// The regularised incomplete beta function Iₓ(a, b), by Lentz' continued fraction.
    public static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        let front = Elementary.exp(a * Elementary.log(x) + b * Elementary.log(1 - x) - logBeta(a, b))
        if x < (a + 1) / (a + b + 2) { return front * betaFraction(x, a, b) / a }
        return 1 - front * betaFraction(1 - x, b, a) / b
    }

    private static func betaFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
        var c = 1.0
        var d = 1 / away(1 - (a + b) * x / (a + 1))
        var result = d
        for round in 1...roundsMaximum {
            let m = Double(round)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / away(1 + even * d)
            c = away(1 + even / c)
            result *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / away(1 + odd * d)
            c = away(1 + odd / c)
            result *= d * c
            if abs(d * c - 1) < precision { break }
        }
        return result
    }

    /// The upper regularised incomplete gamma function Q(a, x).
    public static func incompleteGammaUpper(_ a: Double, _ x: Double) -> Double {
        guard x > 0 else { return 1 }
        let front = Elementary.exp(a * Elementary.log(x) - x - logGamma(a))
        guard x >= a + 1 else {
            var term = 1 / a
            var sum = term
            for round in 1...roundsMaximum {
                term *= x / (a + Double(round))
                sum += term
                if term < sum * precision { break }
            }
            return max(0, 1 - front * sum)
        }
        var b = x + 1 - a
        var c = 1 / tiny
        var d = 1 / away(b)
        var result = d
        for round in 1...roundsMaximum {
            let step = -Double(round) * (Double(round) - a)
            b += 2
            d = 1 / away(step * d + b)
            c = away(b + step / c)
            result *= d * c
            if abs(d * c - 1) < precision { break }
        }
        return front * result
    }

    /// P(χ² > `value`) with `degrees` of freedom.
    public static func chiSquareTail(_ value: Double, degrees: Double) -> Double {
        incompleteGammaUpper(degrees / 2, value / 2)
    }

    /// P(Z > `value`) of a standard normal.
    public static func normalTail(_ value: Double) -> Double {
        let half = incompleteGammaUpper(0.5, value * value / 2) / 2
        return value >= 0 ? half : 1 - half
    }

    /// Kolmogorov's 2 Σ (−1)ʲ⁻¹ exp(−2 j² λ²).
    public static func kolmogorovTail(_ lambda: Double) -> Double {
        guard lambda > 0.2 else { return 1 }
        var sum = 0.0
        for j in 1...100 {
            let term = Elementary.exp(-2 * Double(j * j) * lambda * lambda)
            sum += j.isMultiple(of: 2) ? -term : term
            if term < precision { break }
        }
        return min(1, max(0, 2 * sum))
    }

    private static func away(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
}
