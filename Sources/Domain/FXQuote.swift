/// What one unit of a currency was worth in another: mantissa ÷ 10^scale, as its source wrote it.
public struct FXQuote: Hashable, Sendable {
    /// How long a quote counts.
    public static let lifetimeDays: Int32 = 7
    public static let mantissaMaximum: Int64 = 1_000_000_000_000
    public static let scaleMaximum: Int16 = 12

    /// The id of its row.
    public let quoteID: Int64
    public let base: Currency
    public let quote: Currency
    public let mantissa: Int64
    public let scale: Int16
    public let quotedAt: Timestamp

    /// - Precondition: `mantissa` and `scale` are within their limits, as the database checks.
    public init(
        quoteID: Int64, base: Currency, quote: Currency, mantissa: Int64, scale: Int16, quotedAt: Timestamp
    ) {
        precondition((1...FXQuote.mantissaMaximum).contains(mantissa), "a quote's mantissa is out of range")
        precondition((0...FXQuote.scaleMaximum).contains(scale), "a quote's scale is out of range")
        self.quoteID = quoteID
        self.base = base
        self.quote = quote
        self.mantissa = mantissa
        self.scale = scale
        self.quotedAt = quotedAt
    }

    /// As it was written, as in `1.0842`.
    public var decimal: String { Money.decimal(minorUnits: mantissa, exponent: Int(scale)) }

    /// Whether it counts for what occurred at `moment`.
    public func counts(at moment: Timestamp) -> Bool {
        quotedAt <= moment && moment <= quotedAt.adding(days: FXQuote.lifetimeDays)
    }

    /// An amount in minor units of `base` as minor units of `quote`, exactly.
    public func converted(_ amount: ExactAmount) -> ExactAmount {
        amount.times(
            UInt128(mantissa) * FXQuote.power(quote.exponent), over: FXQuote.power(Int(scale) + base.exponent))
    }

    private static func power(_ exponent: Int) -> UInt128 {
        (0..<exponent).reduce(1) { power, _ in power * 10 }
    }

    /// Reads a decimal number as it is written in quotes: digits, at most one point, nothing else.
    ///
    /// - Returns: nil for anything else, for zero, and for more digits than a quote may have.
    public static func parse(_ text: some StringProtocol) -> (mantissa: Int64, scale: Int16)? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        let digits = parts[0] + fraction
        guard !parts[0].isEmpty, parts.count == 1 || !fraction.isEmpty, fraction.utf8.count <= Int(scaleMaximum),
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let mantissa = Int64(digits), (1...mantissaMaximum).contains(mantissa)
        else { return nil }
        return (mantissa, Int16(fraction.utf8.count))
    }
}
