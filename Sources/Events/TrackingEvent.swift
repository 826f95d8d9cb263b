public import Domain

/// A click, conversion, refund, chargeback or reversal of one of these, as a tracking service reported it: well-formed,
/// not yet judged.
///
/// An object, since a batch passes it from list to list: a copy of its texts each time cost more than reading them.
public final class TrackingEvent: Sendable {
    public enum Kind: Int16, Sendable, CaseIterable {
        case click = 1
        case conversion = 2
        case refund = 3
        case chargeback = 4
        /// A refund that did not happen after all, or a chargeback that was won.
        case refundReversal = 5

        /// As the field `type` names it.
        public var name: String {
            switch self {
            case .click: "click"
            case .conversion: "conversion"
            case .refund: "refund"
            case .chargeback: "chargeback"
            case .refundReversal: "refund_reversal"
            }
        }

        public init?(name: String) {
            switch name {
            case "click": self = .click
            case "conversion": self = .conversion
            case "refund": self = .refund
            case "chargeback": self = .chargeback
            case "refund_reversal": self = .refundReversal
            default: return nil
            }
        }
    }

    /// Characters that an `event_id` may have.
    public static let eventIDLengthMaximum = 64
    /// Characters that any other text may have.
    public static let textLengthMaximum = 256
    /// Characters that are kept of a user agent or an address of a page.
    public static let hintLengthMaximum = 1_024
    /// Minor units of an event's amount; sums of a million of them stay within `Int64`.
    public static let amountMinorMaximum: Int64 = 1_000_000_000_000
    public static let quantityMaximum: Int64 = 1_000_000
    /// How far ahead of ours the clock of a tracking service may be.
    public static let futureSecondsMaximum: Int64 = 300
    /// How far in the past an event may lie: each month that an event names is kept apart.
    public static let ageDaysMaximum: Int32 = 3_653

    public let kind: Kind
    public let eventID: String
    /// Hash of `eventID`.
    public let eventKey: Identifier
    /// Hash of programme and click id; nil without a click id.
    public let clickKey: Identifier?
    /// The conversion that this event makes or refers to: a hash of programme and order, or of the event id without an
    /// order. A click makes none and has its own key here.
    public let conversionID: Identifier
    /// Hash of the record's bytes: the same id with another hash is an incident.
    public let contentHash: Identifier
    public let occurredAt: Timestamp
    public let programID: String
    public let affiliateID: String?
    public let clickID: String?
    /// Required for refunds, chargebacks and reversals, and for conversions of quantity 1.
    public let orderID: String?
    public let refundID: String
    /// Minor units of `currency`; 0 for a click.
    public let amountMinor: Int64
    /// nil for a click only.
    public let currency: Currency?
    public let quantity: Int32
    public let isTest: Bool
    public let customerID: String?
    public let coupon: String?
    public let subID: String?
    public let ip: String?
    public let deviceID: String?
    public let country: String?
    public let isNewCustomer: Bool?
    public let userAgent: String?
    public let referrer: String?
    public let landingURL: String?
    /// Of a conversion only.
    public let items: ReportedItems?

    /// Hash of programme and customer; nil without one.
    public var customerKey: Identifier? {
        customerID.map { TrackingEvent.customerKey(programID, $0) }
    }

    /// Hash of programme and customer.
    public static func customerKey(_ programID: String, _ customerID: String) -> Identifier {
        Identifier(hashing: "customer", programID, customerID)
    }

    /// Hash of programme, order and refund id.
    public var refundKey: Identifier {
        Identifier(hashing: "refund", programID, orderID ?? "", refundID)
    }

    /// Checks the fields in a fixed order (version, identity, type, time, programme, the type's own fields), so that
    /// an event with several faults always gets the same code.
    ///
    /// - Parameter contentHash: the hash of the record's bytes.
    init(_ fields: EventFields, contentHash: Identifier) throws(EventRejection) {
        try fields.checkMajor()
        self.contentHash = contentHash
        eventID = try fields.required(.eventID, limit: TrackingEvent.eventIDLengthMaximum)
        let typeName = try fields.required(.type)
        guard let kind = Kind(name: typeName) else { throw fields.rejection(.unknownType, .type) }
        self.kind = kind
        let occurredText = try fields.required(.occurredAt)
        guard let occurredAt = Timestamp(rfc3339: occurredText) else {
            throw fields.rejection(.unreadableDate, .occurredAt)
        }
        self.occurredAt = occurredAt
        programID = try fields.required(.programID)
        affiliateID = try fields.text(.affiliateID)
        clickID = try fields.text(.clickID)
        orderID = try fields.text(.orderID)
        quantity = try fields.quantity()
        switch kind {
        case .click:
            _ = try fields.required(.affiliateID)
            _ = try fields.required(.clickID)
        case .conversion where quantity > 1: break
        case .conversion, .refund, .chargeback: _ = try fields.required(.orderID)
        case .refundReversal:
            _ = try fields.required(.orderID)
            _ = try fields.required(.refundID)
        }
        refundID = try fields.text(.refundID) ?? eventID
        amountMinor = kind == .click ? 0 : try fields.amountMinor()
        currency = kind == .click ? nil : try fields.currency()
        isTest = try fields.flag(.isTest)
        customerID = try fields.text(.customerID)
        coupon = try fields.text(.coupon)
        subID = try fields.text(.subID)
        ip = try fields.text(.ip)
        deviceID = try fields.text(.deviceID)
        country = try fields.text(.country)
        isNewCustomer = try fields.optionalFlag(.isNewCustomer)
        userAgent = fields.hint(.userAgent)
        referrer = fields.hint(.referrer)
        landingURL = fields.hint(.landingURL)
        items = kind == .conversion ? try fields.items() : nil
        eventKey = Identifier(hashing: "event", eventID)
        clickKey = clickID.map { [programID] in Identifier(hashing: "click", programID, $0) }
        switch (kind, orderID) {
        case (.click, _): conversionID = eventKey
        case (_, let orderID?): conversionID = Identifier(hashing: "order", programID, orderID)
        case (_, nil): conversionID = Identifier(hashing: "conversion", eventID)
        }
    }
}

/// What a record of `conversions.raw` turned out to be.
public enum TrackingEventReading: Sendable {
    case event(TrackingEvent)
    /// JSON that says something Tributary does not accept.
    case rejected(EventRejection)
    /// Bytes that no rule could read.
    case unreadable(ReasonCode, measured: String)
    /// A major version of the schema that this program is too old for.
    case futureSchema(major: Int64)
}

/// What a record says that it is, as far as it can be read: what people look for it by.
public struct EventIdentity: Hashable, Sendable {
    public var kind: TrackingEvent.Kind?
    public var eventID: String?
    public var programID: String?
    public var affiliateID: String?
    public var orderID: String?
    public var occurredAt: Timestamp?

    public init() {}

    public init(_ event: TrackingEvent) {
        kind = event.kind
        eventID = event.eventID
        programID = event.programID
        affiliateID = event.affiliateID
        orderID = event.orderID
        occurredAt = event.occurredAt
    }
}

/// Why a readable record is not accepted, with what could be read of it.
public struct EventRejection: Error, Sendable {
    public let code: ReasonCode
    /// The field and its value, shortened.
    public let measured: String
    public let identity: EventIdentity

    public var eventID: String? { identity.eventID }
    public var affiliateID: String? { identity.affiliateID }

    public init(code: ReasonCode, measured: String, identity: EventIdentity) {
        self.code = code
        self.measured = measured
        self.identity = identity
    }
}

extension TrackingEvent {
    /// Why it cannot have occurred when it says; nil if it can.
    public func timeObjection(at now: Timestamp) -> ReasonCode? {
        if occurredAt > now.adding(seconds: TrackingEvent.futureSecondsMaximum) { return .occurredInFuture }
        return occurredAt < now.adding(days: -TrackingEvent.ageDaysMaximum) ? .occurredTooLongAgo : nil
    }

    /// The key of its record: events of one affiliate stay in order; one whose affiliate is yet to be found follows its
    /// click or order.
    public var recordKey: String { affiliateID ?? clickID ?? orderID ?? eventID }
}
