public import Domain
public import Events

/// A programme's terms beside its rules.
public struct Program: Hashable, Sendable {
    /// What commissions are paid in.
    public enum PaysIn: String, CaseIterable, Sendable {
        /// The order's currency.
        case order
        /// The programme's, by a stored quote where the order's is another.
        case program
    }

    public let programID: String
    public let currency: Currency
    public let paysIn: PaysIn
    public let holdDays: Int32
    public let attributionWindowDays: Int32
    public let couponBeatsClick: Bool
    /// Rises with every change of its rules.
    public var rulesVersion: Int32

    public init(
        programID: String, currency: Currency, paysIn: PaysIn, holdDays: Int32, attributionWindowDays: Int32,
        couponBeatsClick: Bool, rulesVersion: Int32
    ) {
        self.programID = programID
        self.currency = currency
        self.paysIn = paysIn
        self.holdDays = holdDays
        self.attributionWindowDays = attributionWindowDays
        self.couponBeatsClick = couponBeatsClick
        self.rulesVersion = rulesVersion
    }

    /// What the commission of an order in `currency` is paid in.
    public func commissionCurrency(of currency: Currency) -> Currency {
        paysIn == .program ? self.currency : currency
    }
}

/// What pricing needs to know of an affiliate.
public struct Party: Hashable, Sendable {
    public let isActive: Bool
    public let groupID: String?
    /// The active affiliate who referred this one.
    public let referrerID: String?

    public init(isActive: Bool, groupID: String?, referrerID: String?) {
        self.isActive = isActive
        self.groupID = groupID
        self.referrerID = referrerID
    }
}

/// Where an event stands in `conversions.raw`.
public struct SourcePosition: Hashable, Sendable {
    public let partition: Int32
    public let offset: Int64

    public init(partition: Int32, offset: Int64) {
        self.partition = partition
        self.offset = offset
    }
}

/// A row of `intake_exception`: a record that became neither an event nor a dead letter.
public struct IntakeException: Sendable {
    public let position: SourcePosition
    public let outcome: IntakeOutcome
    public let code: ReasonCode
    public let identity: EventIdentity
    public let duplicateOf: String?
    public let measured: String

    public init(
        position: SourcePosition, outcome: IntakeOutcome, code: ReasonCode, identity: EventIdentity,
        duplicateOf: String? = nil, measured: String = ""
    ) {
        self.position = position
        self.outcome = outcome
        self.code = code
        self.identity = identity
        self.duplicateOf = duplicateOf
        self.measured = measured
    }
}

/// A conversion that is recorded, with the commissions that count as they stand.
public struct RecordedConversion: Hashable, Sendable {
    public let conversionID: Identifier
    /// Whom it counts for now.
    public var affiliateID: String
    public let programID: String
    public let amountMinor: Int64
    public let currency: Currency
    public let isTest: Bool
    public let occurredAt: Timestamp
    /// Refunds so far that were not reversed, minor units.
    public var refundedMinor: Int64
    /// How many these are.
    public var refunds: Int64
    /// Those that no correction superseded; the referrer's behind the first.
    public var commissions: [RecordedCommission]

    public init(
        conversionID: Identifier, affiliateID: String, programID: String, amountMinor: Int64, currency: Currency,
        isTest: Bool, occurredAt: Timestamp, refundedMinor: Int64 = 0, refunds: Int64 = 0,
        commissions: [RecordedCommission] = []
    ) {
        self.conversionID = conversionID
        self.affiliateID = affiliateID
        self.programID = programID
        self.amountMinor = amountMinor
        self.currency = currency
        self.isTest = isTest
        self.occurredAt = occurredAt
        self.refundedMinor = refundedMinor
        self.refunds = refunds
        self.commissions = commissions
    }
}

/// A commission as refunds and corrections need it.
public struct RecordedCommission: Hashable, Sendable {
    public let commissionID: Identifier
    public let affiliateID: String
    public let currency: Currency
    public let amountMinor: Int64
    public var reversedMinor: Int64
    public var status: CommissionStatus
    public var isSuperseded = false

    public init(
        commissionID: Identifier, affiliateID: String, currency: Currency, amountMinor: Int64, reversedMinor: Int64,
        status: CommissionStatus
    ) {
        self.commissionID = commissionID
        self.affiliateID = affiliateID
        self.currency = currency
        self.amountMinor = amountMinor
        self.reversedMinor = reversedMinor
        self.status = status
    }
}

/// A refund or chargeback that is recorded.
public struct RecordedRefund: Hashable, Sendable {
    public let refundKey: Identifier
    public let conversionID: Identifier
    public let amountMinor: Int64
    public let currency: Currency
    public var isReversed: Bool

    public init(
        refundKey: Identifier, conversionID: Identifier, amountMinor: Int64, currency: Currency, isReversed: Bool
    ) {
        self.refundKey = refundKey
        self.conversionID = conversionID
        self.amountMinor = amountMinor
        self.currency = currency
        self.isReversed = isReversed
    }
}

/// What figures are kept by.
public struct AggregateKey: Hashable, Comparable, Sendable {
    public let affiliateID: String
    public let programID: String
    public let currency: Currency

    public init(affiliateID: String, programID: String, currency: Currency) {
        self.affiliateID = affiliateID
        self.programID = programID
        self.currency = currency
    }

    public static func < (left: AggregateKey, right: AggregateKey) -> Bool {
        guard left.affiliateID == right.affiliateID else { return left.affiliateID < right.affiliateID }
        return (left.programID, left.currency) < (right.programID, right.currency)
    }
}

/// One affiliate's numbers of one day, or what a batch adds to them.
public struct DayTotals: Sendable {
    public var clicks: Int64 = 0
    public var conversions: Int64 = 0
    /// Refunds and chargebacks of the day's orders.
    public var refunds: Int64 = 0
    /// Minor units, before refunds.
    public var revenueMinor: Int64 = 0
    /// Minor units.
    public var refundedMinor: Int64 = 0
    /// Recorded minus reversed, minor units.
    public var commissionMinor: Int64 = 0

    public init() {}
}
