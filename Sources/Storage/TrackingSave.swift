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

    /// A conversion with whom it counts for, and its commission unless it is a test.
    public struct Conversion: Sendable {
        public let event: TrackingEvent
        public let attribution: Attribution
        public let currency: Currency
        public let rate: BasisPoints
        public let commissionMinor: Int64
        public let holdUntil: Timestamp
        public let transactionID: Identifier

        public init(
            event: TrackingEvent, attribution: Attribution, currency: Currency, rate: BasisPoints,
            commissionMinor: Int64, holdUntil: Timestamp, transactionID: Identifier
        ) {
            self.event = event
            self.attribution = attribution
            self.currency = currency
            self.rate = rate
            self.commissionMinor = commissionMinor
            self.holdUntil = holdUntil
            self.transactionID = transactionID
        }
    }

    /// A refund with what it takes back.
    public struct Refund: Sendable {
        public let event: TrackingEvent
        public let conversion: RecordedConversion
        public let currency: Currency
        public let reversedMinor: Int64

        public init(event: TrackingEvent, conversion: RecordedConversion, currency: Currency, reversedMinor: Int64) {
            self.event = event
            self.conversion = conversion
            self.currency = currency
            self.reversedMinor = reversedMinor
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
                duplicate_of, measured, conflicting) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for exception in exceptions {
                rows.beginRow(columns: 9)
                rows.int4(exception.position.partition)
                rows.int8(exception.position.offset)
                rows.text(exception.outcome.rawValue)
                rows.int4(exception.code.rawValue)
                rows.textOrNull(exception.eventID)
                rows.textOrNull(exception.affiliateID)
                rows.textOrNull(exception.duplicateOf)
                rows.text(exception.measured)
                rows.bool(exception.code == .conflictingContent)
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
                COPY click (click_key, click_id, program_id, affiliate_id, occurred_at, sub_id, ip, device_id, country)
                FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for index in clicks.order({ $0.key }) {
                let (key, event) = clicks[index]
                rows.beginRow(columns: 9)
                rows.uuid(key.value)
                rows.text(event.clickID ?? "")
                rows.text(event.programID)
                rows.text(event.affiliateID ?? "")
                rows.timestamp(event.occurredAt.microsecondsSinceEpoch)
                rows.textOrNull(event.subID)
                rows.textOrNull(event.ip)
                rows.textOrNull(event.deviceID)
                rows.textOrNull(event.country)
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
                country, occurred_at) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for conversion in conversions { write(conversion, to: &rows) }
        }
    }

    private static func write(_ conversion: Conversion, to rows: inout CopyWriter) {
        let event = conversion.event
        rows.beginRow(columns: 19)
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
    }

    /// - Parameter conversions: tests among them get no commission.
    public static func commissions(
        _ conversions: [Conversion], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let paid = conversions.filter { !$0.event.isTest }
        guard !paid.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY commission (conversion_id, affiliate_id, program_id, currency, basis_points, base_minor,
                amount_minor, status, hold_until, transaction_id, recorded_at) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for conversion in paid {
                rows.beginRow(columns: 11)
                rows.uuid(conversion.event.conversionID.value)
                rows.text(conversion.attribution.affiliateID)
                rows.text(conversion.event.programID)
                rows.text(conversion.currency.code)
                rows.int4(conversion.rate.value)
                rows.int8(conversion.event.amountMinor)
                rows.int8(conversion.commissionMinor)
                rows.text(CommissionStatus.pending.rawValue)
                rows.timestamp(conversion.holdUntil.microsecondsSinceEpoch)
                rows.uuid(conversion.transactionID.value)
                rows.timestamp(now.microsecondsSinceEpoch)
            }
        }
    }

    public static func refunds(_ refunds: [Refund], in transaction: borrowing Transaction) throws(PostgresError) {
        guard !refunds.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY refund (refund_key, conversion_id, event_key, kind, amount_minor, currency, reversed_minor,
                occurred_at) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for refund in refunds {
                rows.beginRow(columns: 8)
                rows.uuid(refund.event.refundKey.value)
                rows.uuid(refund.conversion.conversionID.value)
                rows.uuid(refund.event.eventKey.value)
                rows.int2(refund.event.kind.rawValue)
                rows.int8(refund.event.amountMinor)
                rows.text(refund.currency.code)
                rows.int8(refund.reversedMinor)
                rows.timestamp(refund.event.occurredAt.microsecondsSinceEpoch)
            }
        }
    }

    /// Commissions that refunds changed, as they stand now.
    public static func reversals(
        _ conversions: [RecordedConversion], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !conversions.isEmpty else { return }
        try transaction.run(
            """
            UPDATE commission m SET reversed_minor = r.reversed_minor, status = r.status
            FROM unnest($1::uuid[], $2::int8[], $3::text[]) AS r(conversion_id, reversed_minor, status)
            WHERE m.conversion_id = r.conversion_id
            """, .uuids(conversions.map(\.conversionID.value)), .int8s(conversions.map(\.reversedMinor)),
            .texts(conversions.map(\.status.rawValue)))
    }
}

extension Array {
    /// The positions of the elements in the order of their keys. Each key is made once, and only positions move.
    func order<Key: Comparable>(_ key: (Element) -> Key) -> [Int] {
        let keys = map(key)
        return indices.sorted { keys[$0] < keys[$1] }
    }
}
