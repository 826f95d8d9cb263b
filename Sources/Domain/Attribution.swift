/// Whose conversion it is: last click inside the programme's window, else the affiliate that the event names.
public struct Attribution: Hashable, Sendable {
    /// A click as attribution needs it.
    public struct Click: Hashable, Sendable {
        public let key: Identifier
        public let affiliateID: String
        public let occurredAt: Timestamp

        public init(key: Identifier, affiliateID: String, occurredAt: Timestamp) {
            self.key = key
            self.affiliateID = affiliateID
            self.occurredAt = occurredAt
        }
    }

    public let affiliateID: String
    /// nil if no click counts.
    public let click: Click?
    /// What is odd about it: recorded, not judged.
    public let signals: [ReasonCode]

    /// - Parameters:
    ///   - affiliateID: as the event names it.
    ///   - namesClick: whether the event names a click.
    ///   - click: that click, if it is known.
    ///   - windowDays: how long a click counts, measured by `occurredAt`.
    /// - Returns: nil if nothing leads to an affiliate.
    public init?(
        affiliateID: String?, namesClick: Bool, click: Click?, occurredAt: Timestamp, windowDays: Int32
    ) {
        var signals: [ReasonCode] = []
        var counting = click
        if let click, click.occurredAt > occurredAt || occurredAt > click.occurredAt.adding(days: windowDays) {
            signals.append(.clickOutsideWindow)
            counting = nil
        }
        if !namesClick { signals.append(.clickMissing) }
        if namesClick, click == nil { signals.append(.clickUnknown) }
        if let counting, let affiliateID, counting.affiliateID != affiliateID { signals.append(.clickContradicts) }
        guard let decided = counting?.affiliateID ?? affiliateID else { return nil }
        self.affiliateID = decided
        self.click = counting
        self.signals = signals
    }
}
