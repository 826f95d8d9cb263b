/// One thing that can be true of a click or an order. A day counts how many were.
public enum FraudFact: Int, CaseIterable, Sendable, Codable {
    // Clicks.
    case click, clickDevice, clickAgain, clickRapid, clickRegular, clickProgramBurst, clickAddress, clickHosting
    case clickAgent, clickAutomated, clickReferrerless, clickCountry, clickOffMarket, clickNight, clickLanding
    case clickPaid, clickAfterRival
    // Orders and what they lead to.
    case order, orderOfClick, orderOfUnknownClick, orderWithoutClick, orderOfUsedClick, orderOfForeignClick
    case orderDevice, orderDeviceShared, orderDeviceRival, orderAfterRival, orderDeviceBoth, orderDeviceDiffers
    case orderCountryBoth, orderCountryDiffers, orderCountry, orderOffMarket, orderAddress, orderHosting
    case orderSubnetBoth, orderSubnetDiffers, orderAgent, orderAutomated, orderNight, orderNewness, orderNewCustomer
    case orderCustomer, orderCustomerAgain, orderTwin, orderSelf, orderLimit, orderNearLimit, orderRepeated
    case orderCoupon, orderForeignCoupon, orderSpaced, orderRush, orderEven, assist, refund, earlyRefund, chargeback
    case orderCustomerRival, orderNewOnUsedDevice, orderOfLandedClick, orderOfPaidClick
}

/// The facts of one event.
public struct FraudFacts: Sendable, Hashable, Codable {
    public private(set) var rawValue: UInt64 = 0

    public init() {}

    public mutating func insert(_ fact: FraudFact) { rawValue |= 1 << UInt64(fact.rawValue) }

    public mutating func insert(_ fact: FraudFact, if condition: Bool) { if condition { insert(fact) } }

    public func contains(_ fact: FraudFact) -> Bool { rawValue >> UInt64(fact.rawValue) & 1 == 1 }
}

/// What an event says once it is linked with the events before it.
public struct LinkedEvent: Sendable, Hashable {
    public var event: FraudEvent
    /// Of the affiliate that it counts for.
    public var affiliate: UInt64
    /// The day that it counts on: its own, but of a refund that of its order.
    public var day: Int32
    public var facts = FraudFacts()
    /// From the click to the order; nil without a click that is known.
    public var secondsFromClick: Int64?
    /// 0 … 23, where the visitor is.
    public var hour = 0
    /// Thousandths of ln(amount ÷ the usual amount of the programme).
    public var relativeAmount: Int64 = 0

    init(_ event: FraudEvent, affiliate: UInt64, day: Int32) {
        self.event = event
        self.affiliate = affiliate
        self.day = day
    }
}
