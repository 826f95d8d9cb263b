public import Domain
public import Events
public import Postgres

/// What the scorer writes: one COPY per table of new rows, one statement per table of changed ones.
///
/// Rows are sorted by their key first, so that they meet the index in order.
public enum TrackingSave {
    /// An event that was taken in.
    public struct Intake: Sendable {
        public let event: TrackingEvent
        public let position: SourcePosition
        /// As it was decided; empty while it is parked without one.
        public let affiliateID: String
        public let isParked: Bool

        public init(event: TrackingEvent, position: SourcePosition, affiliateID: String, isParked: Bool) {
            self.event = event
            self.position = position
            self.affiliateID = affiliateID
            self.isParked = isParked
        }
    }

    /// A conversion with whom it counts for.
    public struct Conversion: Sendable {
        public let event: TrackingEvent
        public let attribution: Attribution
        public let currency: Currency

        public init(event: TrackingEvent, attribution: Attribution, currency: Currency) {
            self.event = event
            self.attribution = attribution
            self.currency = currency
        }
    }

    /// A refund or chargeback with what it takes back.
    public struct Refund: Sendable {
        public let event: TrackingEvent
        public let currency: Currency
        public let reversedMinor: Int64
        /// nil if it took nothing back.
        public let transactionID: Identifier?

        public init(event: TrackingEvent, currency: Currency, reversedMinor: Int64, transactionID: Identifier?) {
            self.event = event
            self.currency = currency
            self.reversedMinor = reversedMinor
            self.transactionID = transactionID
        }
    }

    /// A refund that did not happen after all, with what is given back.
    public struct RefundReversal: Sendable {
        public let event: TrackingEvent
        public let restoredMinor: Int64
        /// nil if it gave nothing back.
        public let transactionID: Identifier?

        public init(event: TrackingEvent, restoredMinor: Int64, transactionID: Identifier?) {
            self.event = event
            self.restoredMinor = restoredMinor
            self.transactionID = transactionID
        }
    }

    public static func events(_ intakes: [Intake], in transaction: borrowing Transaction) throws(PostgresError) {
        guard !intakes.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY event (event_key, event_id, kind, parked, affiliate_id, content_hash, topic_partition,
                record_offset, occurred_at) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for index in intakes.order({ $0.event.eventKey }) {
                let intake = intakes[index]
                rows.beginRow(columns: 9)
                rows.uuid(intake.event.eventKey.value)
                rows.text(intake.event.eventID)
                rows.int2(intake.event.kind.rawValue)
                rows.bool(intake.isParked)
                rows.text(intake.affiliateID)
                rows.uuid(intake.event.contentHash.value)
                rows.int4(intake.position.partition)
                rows.int8(intake.position.offset)
                rows.timestamp(intake.event.occurredAt.microsecondsSinceEpoch)
            }
        }
    }

    public static func exceptions(
        _ exceptions: [IntakeException], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !exceptions.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY intake_exception (topic_partition, record_offset, outcome, code, event_id, affiliate_id,
                duplicate_of, measured, conflicting, kind, program_id, order_id, occurred_at)
                FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for exception in exceptions {
                let identity = exception.identity
                rows.beginRow(columns: 13)
                rows.int4(exception.position.partition)
                rows.int8(exception.position.offset)
                rows.text(exception.outcome.rawValue)
                rows.int4(exception.code.rawValue)
                rows.textOrNull(identity.eventID)
                rows.textOrNull(identity.affiliateID)
                rows.textOrNull(exception.duplicateOf)
                rows.text(exception.measured)
                rows.bool(exception.code == .conflictingContent)
                rows.int2OrNull(identity.kind?.rawValue)
                rows.textOrNull(identity.programID)
                rows.textOrNull(identity.orderID)
                rows.timestampOrNull(identity.occurredAt?.microsecondsSinceEpoch)
            }
        }
    }

    /// - Parameter clicks: click events with their keys.
    public static func clicks(
        _ clicks: [(key: Identifier, event: TrackingEvent)], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !clicks.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY click (click_key, click_id, program_id, affiliate_id, occurred_at, sub_id, ip, device_id, country,
                event_key) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for index in clicks.order({ $0.key }) {
                let (key, event) = clicks[index]
                rows.beginRow(columns: 10)
                rows.uuid(key.value)
                rows.text(event.clickID ?? "")
                rows.text(event.programID)
                rows.text(event.affiliateID ?? "")
                rows.timestamp(event.occurredAt.microsecondsSinceEpoch)
                rows.textOrNull(event.subID)
                rows.textOrNull(event.ip)
                rows.textOrNull(event.deviceID)
                rows.textOrNull(event.country)
                rows.uuid(event.eventKey.value)
            }
        }
    }

    public static func conversions(
        _ conversions: [Conversion], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !conversions.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY conversion (conversion_id, event_key, order_id, program_id, affiliate_id, click_key, click_at,
                amount_minor, currency, quantity, signal_codes, is_test, customer_id, coupon, sub_id, ip, device_id,
                country, occurred_at, click_id, attributed_by, is_new_customer, items) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for conversion in conversions { write(conversion, to: &rows) }
        }
    }

    private static func write(_ conversion: Conversion, to rows: inout CopyWriter) {
        let event = conversion.event
        rows.beginRow(columns: 23)
        rows.uuid(event.conversionID.value)
        rows.uuid(event.eventKey.value)
        rows.textOrNull(event.orderID)
        rows.text(event.programID)
        rows.text(conversion.attribution.affiliateID)
        rows.uuidOrNull(conversion.attribution.click?.key.value)
        rows.timestampOrNull(conversion.attribution.click?.occurredAt.microsecondsSinceEpoch)
        rows.int8(event.amountMinor)
        rows.text(conversion.currency.code)
        rows.int4(event.quantity)
        rows.value(.int4s(conversion.attribution.signals.map(\.rawValue)))
        rows.bool(event.isTest)
        rows.textOrNull(event.customerID)
        rows.textOrNull(event.coupon)
        rows.textOrNull(event.subID)
        rows.textOrNull(event.ip)
        rows.textOrNull(event.deviceID)
        rows.textOrNull(event.country)
        rows.timestamp(event.occurredAt.microsecondsSinceEpoch)
        rows.textOrNull(event.clickID)
        rows.text(conversion.attribution.source.rawValue)
        rows.value(event.isNewCustomer.map { .bool($0) } ?? .null)
        rows.value(event.items.map { .jsonb($0.json) } ?? .null)
    }
}

extension Array {
    /// The positions of the elements in the order of their keys. Each key is made once, and only positions move.
    func order<Key: Comparable>(_ key: (Element) -> Key) -> [Int] {
        let keys = map(key)
        return indices.sorted { keys[$0] < keys[$1] }
    }
}
