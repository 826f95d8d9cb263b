/// How likely a count is at least, or at most, what was seen, where the rate itself differs from one affiliate to the
/// next.
public enum CountTails {
    /// Terms summed one by one; beyond, the beta distribution with the same mean and variance stands in.
    private static let termsMaximum = 2_000

    /// P(X ≥ k) of a beta-binomial: `n` events at a rate drawn from Beta(a, b).
    public static func betaBinomialUpper(_ k: Double, of n: Double, a: Double, b: Double) -> Double {
        guard k > 0 else { return 1 }
        guard k <= n, a > 0, b > 0 else { return 0 }
        guard n <= Double(termsMaximum) else { return betaUpper(k, of: n, a: a, b: b) }
        let logFirst =
            SpecialFunctions.logGamma(n + 1) - SpecialFunctions.logGamma(k + 1) - SpecialFunctions.logGamma(n - k + 1)
            + SpecialFunctions.logBeta(k + a, n - k + b) - SpecialFunctions.logBeta(a, b)
        var term = 1.0
        var sum = 1.0
        var x = k
        while x < n {
            term *= (n - x) / (x + 1) * (x + a) / (n - x - 1 + b)
            sum += term
            x += 1
            if term < sum * 1e-12 { break }
        }
        return min(1, Elementary.exp(logFirst + Elementary.log(sum)))
    }

    /// P(X ≤ k) of the same.
    public static func betaBinomialLower(_ k: Double, of n: Double, a: Double, b: Double) -> Double {
        betaBinomialUpper(n - k, of: n, a: b, b: a)
    }

    private static func betaUpper(_ k: Double, of n: Double, a: Double, b: Double) -> Double {
        let strength = a + b
        // The variance of X ÷ n, as the strength of a beta distribution.
        let equivalent = n * (strength + 1) / (strength + n) - 1
        guard equivalent > 0 else { return 1 }
        let mean = a / strength
        return 1 - SpecialFunctions.incompleteBeta((k - 0.5) / n, mean * equivalent, (1 - mean) * equivalent)
    }

    /// P(Y ≥ k) of a negative binomial: a Poisson count whose rate is drawn from Gamma(`shape`), with this mean.
    public static func gammaPoissonUpper(_ k: Double, mean: Double, shape: Double) -> Double {
        guard k > 0 else { return 1 }
        guard mean > 0, shape > 0 else { return 0 }
        return SpecialFunctions.incompleteBeta(mean / (mean + shape), k, shape)
    }

    /// P(Y ≥ k) of a Poisson count.
    public static func poissonUpper(_ k: Double, mean: Double) -> Double {
        guard k > 0 else { return 1 }
        guard mean > 0 else { return 0 }
        return 1 - SpecialFunctions.incompleteGammaUpper(k, mean)
    }

    /// −log₁₀ p, from 0 to `cap`.
    public static func strength(_ p: Double, cap: Double = 6) -> Double {
        guard p > 0 else { return cap }
        return min(cap, max(0, -Elementary.log10(p)))
    }
}
