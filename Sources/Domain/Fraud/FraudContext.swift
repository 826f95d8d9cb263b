/// What is known of a programme beside its events. What is missing costs accuracy, never correctness.
public struct FraudProgram: Sendable, Hashable, Codable {
    /// Orders below it are approved without a look; nil if not known.
    public var autoApproveLimitMinor: Int64?
    /// Of the ISO 4217 code that the limit is in; 0 if not known.
    public var currency: UInt64 = 0
    /// What a minor unit of its currency is worth in dollars' minor units; for rankings across programmes.
    public var usdRate: Double?
    public var attributionWindowDays: Int32 = 30
    /// As in `FraudEvent.country`; empty if not known.
    public var mainMarkets: Set<UInt16> = []

    public init() {}
}

/// What is known of an affiliate beside its events.
public struct FraudAffiliate: Sendable, Hashable, Codable {
    /// Hash of the address that it signed up from; 0 if not known.
    public var signUpAddress: UInt64 = 0

    public init() {}
}

/// The context of a judgement.
public struct FraudContext: Sendable, Hashable, Codable {
    public var programs: [UInt64: FraudProgram] = [:]
    public var affiliates: [UInt64: FraudAffiliate] = [:]

    public init() {}

    /// Days for which clicks are remembered: the longest attribution window, within limits.
    public var clickDays: Int32 { min(max(programs.values.map(\.attributionWindowDays).max() ?? 30, 30), 120) }
}
