/// Whose conversion it is.
///
/// In this order: the affiliate of a coupon, if the programme puts coupons first; the affiliate of the click that the
/// event names, if it lies inside the programme's window; the affiliate that the event names; that of a coupon.
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

    /// What decided; raw values are those of the column `conversion.attributed_by`.
    public enum Source: String, Sendable {
        case click, coupon, affiliate
    }

    /// What leads from a conversion to an affiliate.
    public struct Evidence: Hashable, Sendable {
        /// As the event names it.
        public var affiliateID: String?
        /// Whether the event names a click.
        public var namesClick: Bool
        /// That click, if it is known.
        public var click: Click?
        /// Whether the event names a coupon.
        public var namesCoupon: Bool
        /// Whose that coupon is at this time, if anybody's.
        public var couponAffiliateID: String?
        public var occurredAt: Timestamp

        public init(
            affiliateID: String?, namesClick: Bool, click: Click?, namesCoupon: Bool = false,
            couponAffiliateID: String? = nil, occurredAt: Timestamp
        ) {
            self.affiliateID = affiliateID
            self.namesClick = namesClick
            self.click = click
            self.namesCoupon = namesCoupon
            self.couponAffiliateID = couponAffiliateID
            self.occurredAt = occurredAt
        }
    }

    public let affiliateID: String
    public let source: Source
    /// nil if no click counts.
    public let click: Click?
    /// What is odd about it: recorded, not judged.
    public let signals: [ReasonCode]
    /// Whether the click that the event names may still change whom it counts for, once it is known.
    public let awaitsClick: Bool

    /// - Parameters:
    ///   - windowDays: how long a click counts, measured by `occurredAt`.
    ///   - couponBeatsClick: whether the programme puts coupons first.
    /// - Returns: nil if nothing leads to an affiliate.
    public init?(_ evidence: Evidence, windowDays: Int32, couponBeatsClick: Bool) {
        var signals: [ReasonCode] = []
        var counting = evidence.click
        if let click = evidence.click,
            click.occurredAt > evidence.occurredAt
                || evidence.occurredAt > click.occurredAt.adding(days: windowDays)
        {
            signals.append(.clickOutsideWindow)
            counting = nil
        }
        if !evidence.namesClick { signals.append(.clickMissing) }
        if evidence.namesClick, evidence.click == nil { signals.append(.clickUnknown) }
        if evidence.namesCoupon, evidence.couponAffiliateID == nil { signals.append(.couponUnknown) }
        let coupon = evidence.couponAffiliateID
        if let coupon, couponBeatsClick {
            if counting != nil { signals.append(.couponDecides) }
            (affiliateID, source, click) = (coupon, .coupon, nil)
        } else if let counting {
            if let named = evidence.affiliateID, named != counting.affiliateID { signals.append(.clickContradicts) }
            (affiliateID, source, click) = (counting.affiliateID, .click, counting)
        } else if let named = evidence.affiliateID {
            (affiliateID, source, click) = (named, .affiliate, nil)
        } else if let coupon {
            (affiliateID, source, click) = (coupon, .coupon, nil)
        } else {
            return nil
        }
        self.signals = signals
        awaitsClick = signals.contains(.clickUnknown) && !(coupon != nil && couponBeatsClick)
    }
}
