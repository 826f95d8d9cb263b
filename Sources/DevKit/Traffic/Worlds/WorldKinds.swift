/// How an affiliate of a made world cheats.
public enum CheatKind: String, CaseIterable, Sendable {
    case clickFlooding, clickInjection, bots, deviceFarm, replayedOrders, stolenCards, selfReferral, cookieStuffing
    case proxies, incentivised, thresholdGaming, slowRamp, collusionRing, brandBidding
}

/// What an honest affiliate of a made world is like; most look like a cheat in one respect.
public enum HonestKind: String, CaseIterable, Sendable {
    case plain, coupon, content, newsletter, campus, carrier, vpnUsers, sharedTablets, callCentre, guestCheckout
    case flashSale, viralPost, newcomer, pricePoint, seasonal, foreignAudience, small, business
}

/// What an affiliate of a made world is.
public struct WorldAffiliate: Sendable {
    public let id: String
    public let honest: HonestKind
    /// nil for an honest one.
    public let cheat: CheatKind?
    /// Days since the world's start on which it cheated.
    public internal(set) var cheatDays: Set<Int> = []
}
