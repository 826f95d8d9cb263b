public import Domain

/// What the sample traffic is made of. The same plan always makes the same bytes.
public struct TrafficPlan: Sendable {
    /// Records to make, bad ones among them.
    public var events: Int
    public var seed: UInt64
    /// Affiliates, the first of them much busier than the last.
    public var affiliates: Int
    /// When the first event occurred.
    public var start: Timestamp
    /// Seconds between the first and about the last event; conversions and refunds may trail.
    public var spanSeconds: Int64
    /// Whether records that no rule accepts are among them.
    public var badInput = true
    /// Whether some affiliates are named for what the fake Stripe's banks do to them.
    public var bankEnds = false

    /// - Parameter affiliates: nil for one per 400 events, at least 8.
    public init(
        events: Int, seed: UInt64, affiliates: Int? = nil, start: Timestamp = TrafficPlan.defaultStart,
        spanSeconds: Int64 = 30 * 86_400
    ) {
        self.events = events
        self.seed = seed
        self.affiliates = affiliates ?? max(8, events / 400)
        self.start = start
        self.spanSeconds = spanSeconds
    }

    /// 2025-09-01T00:00:00Z: a fixed past, so that a seed is enough to make a file again.
    public static let defaultStart = Timestamp(secondsSinceEpoch: 1_756_684_800)
}
