/// An amount before it is rounded: a fraction of minor units, so that a price is rounded once however it is made.
public struct ExactAmount: Hashable, Sendable {
    private let numerator: UInt128
    private let denominator: UInt128

    /// - Parameter minorUnits: 0 or more.
    public init(minorUnits: Int64) {
        precondition(minorUnits >= 0, "a price is made of an amount, not of a debt")
        numerator = UInt128(minorUnits)
        denominator = 1
    }

    private init(numerator: UInt128, denominator: UInt128) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// - Precondition: the products fit 128 bits. Amounts stay below 10^15, quotes below 10^12 with at most 12 digits,
    ///   exponents differ by at most 3, and shares are of 10^4: at most 10^34 in all.
    func times(_ factor: UInt128, over divisor: UInt128) -> ExactAmount {
        ExactAmount(numerator: numerator * factor, denominator: denominator * divisor)
    }

    public func share(_ rate: BasisPoints) -> ExactAmount {
        times(UInt128(rate.value), over: 10_000)
    }

    /// The part of it that `part` is of `whole`; all of it where `whole` is 0.
    public func part(_ part: Int64, of whole: Int64) -> ExactAmount {
        precondition(part >= 0 && part <= whole, "a part exceeds its whole")
        return whole == 0 ? self : times(UInt128(part), over: UInt128(whole))
    }

    /// Minor units, rounded half to even.
    ///
    /// - Returns: nil for more than any commission may be.
    public var rounded: Int64? {
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        let rest = denominator - remainder
        let roundsUp = remainder > rest || (remainder == rest && quotient % 2 == 1)
        let minorUnits = roundsUp ? quotient + 1 : quotient
        return minorUnits <= UInt128(ExactAmount.minorMaximum) ? Int64(minorUnits) : nil
    }

    /// Minor units that a converted amount or a commission may have; sums of nine thousand of them fit `Int64`.
    public static let minorMaximum: Int64 = 1_000_000_000_000_000
}

/// Splits an amount so that its parts add up to it.
public enum LargestRemainder {
    /// Parts of `minorUnits` in proportion to `weights`: each rounded down, what is left going one by one to the
    /// largest remainders, the earlier first among equals.
    ///
    /// - Parameters:
    ///   - minorUnits: 0 or more.
    ///   - weights: each 0 or more; if all are 0, the first takes everything.
    public static func split(_ minorUnits: Int64, by weights: [Int64]) -> [Int64] {
        guard !weights.isEmpty else { return [] }
        let total = weights.reduce(UInt128(0)) { $0 + UInt128($1) }
        guard total > 0 else { return [minorUnits] + [Int64](repeating: 0, count: weights.count - 1) }
        let exact = weights.map { (UInt128(minorUnits) * UInt128($0)).quotientAndRemainder(dividingBy: total) }
        var parts = exact.map { Int64($0.quotient) }
        let left = Int(minorUnits - parts.reduce(0, +))
        let order = exact.indices.sorted { (exact[$1].remainder, $0) < (exact[$0].remainder, $1) }
        for index in order.prefix(left) { parts[index] += 1 }
        return parts
    }
}
