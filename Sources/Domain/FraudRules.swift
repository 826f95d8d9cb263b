/// The rules by which conversions and affiliates are found suspicious.
///
/// | code | of           | hit when |
/// |-----:|--------------|----------|
/// |  401 | an affiliate | it reports orders that were recorded before, in the same programme |
/// |  402 | a conversion | it comes less than 15 s after its click |
/// |  403 | a conversion | it is beyond the tenth of its IP address within one hour of the clock, UTC |
///
/// A conversion with any code is held; it alone, so that its commission waits while its honest neighbours are paid.
/// Hits of one code add up on the affiliate's open flag, however they were batched; held against the affiliate's
/// conversions they make its verdict: `review` from 2 hits that are 5 %, `hold` from 10 hits that are 25 %.
public enum FraudRules {
    /// Seconds after a click before which hardly anybody has bought anything.
    public static let secondsFromClickMinimum: Int64 = 15
    /// Conversions of one IP address within one hour that a household or an office may make.
    public static let conversionsPerIPHourMaximum: Int64 = 10

    /// What the rules look at in a conversion.
    public struct Traits: Hashable, Sendable {
        /// nil without a click; negative if the click came later.
        public let secondsFromClick: Int64?
        /// Which of its IP address's conversions in the hour it is, from 1; nil without an address.
        public let ordinalOfIPHour: Int64?

        public init(secondsFromClick: Int64?, ordinalOfIPHour: Int64?) {
            self.secondsFromClick = secondsFromClick
            self.ordinalOfIPHour = ordinalOfIPHour
        }
    }

    /// The codes of a conversion with what was measured, in the order of the codes; empty for a clear one.
    public static func hits(_ traits: Traits) -> [FraudHit] {
        var hits: [FraudHit] = []
        if let seconds = traits.secondsFromClick, seconds < secondsFromClickMinimum {
            hits.append(FraudHit(code: .fastOrders, value: seconds, baseline: secondsFromClickMinimum))
        }
        if let ordinal = traits.ordinalOfIPHour, ordinal > conversionsPerIPHourMaximum {
            hits.append(FraudHit(code: .topOrderAddress, value: ordinal, baseline: conversionsPerIPHourMaximum))
        }
        return hits
    }

    /// What the hits of one code say about their affiliate.
    ///
    /// - Parameters:
    ///   - occurrences: on the open flag.
    ///   - sample: the affiliate's conversions.
    public static func verdict(occurrences: Int64, sample: Int64) -> FraudVerdict {
        if occurrences >= 10, occurrences >= share(25, of: sample) { return .hold }
        if occurrences >= reviewBaseline(sample: sample) { return .review }
        return .clear
    }

    /// Hits of one code from which on an affiliate is reviewed.
    public static func reviewBaseline(sample: Int64) -> Int64 { max(2, share(5, of: sample)) }

    /// How sure the hits of one code are: their share of the conversions, with 20 clean ones added for what is not
    /// known.
    public static func risk(occurrences: Int64, sample: Int64) -> BasisPoints {
        let hits = min(max(occurrences, 0), 1 << 48)
        return BasisPoints(Int32(hits * 10_000 / (min(max(sample, hits), 1 << 48) + 20)))
    }

    /// `percent` of `count`, rounded up.
    private static func share(_ percent: Int64, of count: Int64) -> Int64 {
        (min(max(count, 0), 1 << 48) * percent + 99) / 100
    }
}

/// A rule that was hit, and by what.
public struct FraudHit: Hashable, Sendable {
    public let code: ReasonCode
    public let value: Int64
    /// What the value was held against.
    public let baseline: Int64

    public init(code: ReasonCode, value: Int64, baseline: Int64) {
        self.code = code
        self.value = value
        self.baseline = baseline
    }

    /// The further from the baseline, the worse: of two hits of one code, the one to show.
    public func isWorse(than other: FraudHit) -> Bool { distance > other.distance }

    /// Exact for any two values, as no `Int64` would be.
    private var distance: UInt64 {
        UInt64(bitPattern: value > baseline ? value &- baseline : baseline &- value)
    }
}

extension FraudVerdict {
    /// Of a conversion: any hit holds it.
    public init(ofConversion hits: [FraudHit]) { self = hits.isEmpty ? .clear : .hold }
}
