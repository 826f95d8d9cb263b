public import Domain

/// A click, conversion, refund or chargeback as a tracking service reported it: well-formed, not yet judged.
public struct TrackingEvent: Sendable {
    public enum Kind: Int16, Sendable, CaseIterable {
        case click = 1
        case conversion = 2
        case refund = 3
        case chargeback = 4

        init?(name: String) {
            switch name {
            case "click": self = .click
            case "conversion": self = .conversion
            case "refund": self = .refund
            case "chargeback": self = .chargeback
            default: return nil
            }
        }
    }

    /// Characters that an `event_id` may have.
    public static let eventIDLengthMaximum = 64
    /// Characters that any other text may have.
    public static let textLengthMaximum = 256
    /// Minor units of an event's amount; sums of a million of them stay within `Int64`.
    public static let amountMinorMaximum: Int64 = 1_000_000_000_000
    public static let quantityMaximum: Int64 = 1_000_000

    public let kind: Kind
    public let eventID: String
    /// Hash of `eventID`.
    public let eventKey: Identifier
    /// Hash of the record's bytes: the same id with another hash is an incident.
    public let contentHash: Identifier
    public let occurredAt: Timestamp
    public let programID: String
    public let affiliateID: String?
    public let clickID: String?
    /// Required for refunds and chargebacks, and for conversions of quantity 1.
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

    /// Hash of programme and click id; nil without a click id.
    public var clickKey: Identifier? {
        clickID.map { Identifier(hashing: "click", programID, $0) }
    }

    /// The conversion that this event makes or refers to: a hash of programme and order, or of the event id without an
    /// order.
    public var conversionID: Identifier {
        orderID.map { Identifier(hashing: "order", programID, $0) } ?? Identifier(hashing: "conversion", eventID)
    }

    /// Hash of programme, order and refund id.
    public var refundKey: Identifier {
        Identifier(hashing: "refund", programID, orderID ?? "", refundID)
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

/// Why a readable record is not accepted, with what could be read of it.
public struct EventRejection: Error, Sendable {
    public let code: ReasonCode
    /// The field and its value, shortened.
    public let measured: String
    public let eventID: String?
    public let affiliateID: String?

    public init(code: ReasonCode, measured: String, eventID: String?, affiliateID: String?) {
        self.code = code
        self.measured = measured
        self.eventID = eventID
        self.affiliateID = affiliateID
    }
}
