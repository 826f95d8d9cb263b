/// A share in hundredths of a percent: 10,000 is the whole.
public struct BasisPoints: Hashable, Sendable {
    public let value: Int32

    public init(_ value: Int32) {
        precondition((0...10_000).contains(value), "a share exceeds its whole")
        self.value = value
    }

    /// The share of `minorUnits`, rounded once, half to even.
    ///
    /// - Parameter minorUnits: 0 or more.
    public func share(of minorUnits: Int64) -> Int64 {
        precondition(minorUnits >= 0, "a share is taken of an amount, not of a debt")
        let product = minorUnits.multipliedFullWidth(by: Int64(value))
        let (quotient, remainder) = Int64(10_000).dividingFullWidth(product)
        let roundsUp = remainder > 5_000 || (remainder == 5_000 && quotient % 2 == 1)
        return roundsUp ? quotient + 1 : quotient
    }
}
