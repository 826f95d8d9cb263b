public import Domain

/// A batch changed an affiliate's figures in one programme; the conversions that came are with it.
public struct AffiliateScored: FleetMessage {
    public static let topic = TopicName.affiliatesScored

    /// A conversion in short.
    public struct Conversion: Sendable, Hashable {
        public let conversionID: Identifier
        public let occurredAt: Timestamp
        /// nil without a click.
        public let secondsFromClick: Int64?
        public let ip: String?
        public let amountMinor: Int64
        public let commissionMinor: Int64
        public let currency: Currency

        public init(
            conversionID: Identifier, occurredAt: Timestamp, secondsFromClick: Int64?, ip: String?, amountMinor: Int64,
            commissionMinor: Int64, currency: Currency
        ) {
            self.conversionID = conversionID
            self.occurredAt = occurredAt
            self.secondsFromClick = secondsFromClick
            self.ip = ip
            self.amountMinor = amountMinor
            self.commissionMinor = commissionMinor
            self.currency = currency
        }
    }

    public let affiliateID: String
    public let programID: String
    /// Orders of this batch that had been recorded before.
    public let duplicateOrders: Int64
    public let conversions: [Conversion]
    /// What the fraud engine keeps of the batch's events: clicks, orders, repeated ones too, refunds and chargebacks.
    /// nil in a message of a version that did not send them.
    public let observations: [FraudObservation]?

    public var key: String { affiliateID }

    public init(
        affiliateID: String, programID: String, duplicateOrders: Int64, conversions: [Conversion],
        observations: [FraudObservation]? = nil
    ) {
        self.affiliateID = affiliateID
        self.programID = programID
        self.duplicateOrders = duplicateOrders
        self.conversions = conversions
        self.observations = observations
    }

    public func write(to writer: inout JSONWriter) {
        writer.member("affiliate_id", affiliateID)
        writer.member("program_id", programID)
        writer.member("duplicate_orders", duplicateOrders)
        writer.member("conversions", conversions) { writer, conversion in
            writer.object { writer in
                writer.member("conversion_id", conversion.conversionID.description)
                writer.member("occurred_at", conversion.occurredAt.rfc3339)
                writer.member("seconds_from_click", conversion.secondsFromClick)
                writer.member("ip", conversion.ip)
                writer.member("amount_minor", conversion.amountMinor)
                writer.member("commission_minor", conversion.commissionMinor)
                writer.member("currency", conversion.currency.code)
            }
        }
        if let observations { writer.member("observations", Base64.text(FraudObservation.bytes(observations))) }
    }

    public init?(_ data: JSONTree) {
        guard let affiliateID = data["affiliate_id"]?.string, let programID = data["program_id"]?.string,
            let duplicates = data["duplicate_orders"]?.integer, let elements = data["conversions"]?.array
        else { return nil }
        let conversions = elements.compactMap(Conversion.init)
        guard conversions.count == elements.count else { return nil }
        var observations: [FraudObservation]?
        if let packed = data["observations"] {
            guard let bytes = packed.string.flatMap(Base64.bytes), let read = FraudObservation.read(bytes) else {
                return nil
            }
            observations = read
        }
        self.init(
            affiliateID: affiliateID, programID: programID, duplicateOrders: duplicates, conversions: conversions,
            observations: observations)
    }
}

extension AffiliateScored.Conversion {
    init?(_ data: JSONTree) {
        guard let id = data["conversion_id"]?.string.flatMap({ Identifier(text: $0) }),
            let occurredAt = data["occurred_at"]?.string.flatMap({ Timestamp(rfc3339: $0) }),
            let amount = data["amount_minor"]?.integer, let commission = data["commission_minor"]?.integer,
            let currency = data["currency"]?.string.flatMap({ Currency(code: $0) })
        else { return nil }
        self.init(
            conversionID: id, occurredAt: occurredAt, secondsFromClick: data["seconds_from_click"]?.integer,
            ip: data["ip"]?.string, amountMinor: amount, commissionMinor: commission, currency: currency)
    }
}
