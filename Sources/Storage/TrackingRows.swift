public import Domain

/// A programme's terms.
public struct Program: Hashable, Sendable {
    public let programID: String
    public let currency: Currency
    public let rate: BasisPoints
    public let holdDays: Int32
    public let attributionWindowDays: Int32

    public init(
        programID: String, currency: Currency, rate: BasisPoints, holdDays: Int32, attributionWindowDays: Int32
    ) {
        self.programID = programID
        self.currency = currency
        self.rate = rate
        self.holdDays = holdDays
        self.attributionWindowDays = attributionWindowDays
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
    public let eventID: String?
    public let affiliateID: String?
    public let duplicateOf: String?
    public let measured: String

    public init(
        position: SourcePosition, outcome: IntakeOutcome, code: ReasonCode, eventID: String?, affiliateID: String?,
        duplicateOf: String? = nil, measured: String = ""
    ) {
        self.position = position
        self.outcome = outcome
        self.code = code
        self.eventID = eventID
        self.affiliateID = affiliateID
        self.duplicateOf = duplicateOf
        self.measured = measured
    }
}

/// A conversion that is recorded, with its commission as it stands.
public struct RecordedConversion: Hashable, Sendable {
    public let conversionID: Identifier
    public let affiliateID: String
    public let programID: String
    public let amountMinor: Int64
    public let currency: Currency
    public let isTest: Bool
    public let occurredAt: Timestamp
    public let rate: BasisPoints
    public let commissionMinor: Int64
    public var reversedMinor: Int64
    public var status: CommissionStatus
    /// Refunds so far, minor units.
    public var refundedMinor: Int64

    public init(
        conversionID: Identifier, affiliateID: String, programID: String, amountMinor: Int64, currency: Currency,
        isTest: Bool, occurredAt: Timestamp, rate: BasisPoints, commissionMinor: Int64, reversedMinor: Int64,
        status: CommissionStatus, refundedMinor: Int64
    ) {
        self.conversionID = conversionID
        self.affiliateID = affiliateID
        self.programID = programID
        self.amountMinor = amountMinor
        self.currency = currency
        self.isTest = isTest
        self.occurredAt = occurredAt
        self.rate = rate
        self.commissionMinor = commissionMinor
        self.reversedMinor = reversedMinor
        self.status = status
        self.refundedMinor = refundedMinor
    }
}

/// What aggregates and scores are kept by.
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
    public var totals = AffiliateScore.Totals()
    /// Recorded minus reversed, minor units.
    public var commissionMinor: Int64 = 0

    public init() {}
}
