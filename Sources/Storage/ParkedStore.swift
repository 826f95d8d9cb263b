public import Domain
public import Events
public import Postgres

/// Events that wait for something: a refund for its order, a conversion for its click or for an exchange rate, the
/// reversal of a refund for the refund.
public enum ParkedStore {
    /// A record that waits.
    public struct Parked: Sendable {
        public let eventKey: Identifier
        public let kind: TrackingEvent.Kind
        public let programID: String
        public let orderID: String?
        public let conversionID: Identifier
        public let clickKey: Identifier?
        /// What it waits for, in the words of the code that it will be refused with.
        public let code: ReasonCode
        public let occurredAt: Timestamp
        public let position: SourcePosition
        public let payload: [UInt8]
        /// When it began to wait.
        public let parkedAt: Timestamp

        public init(
            event: TrackingEvent, position: SourcePosition, code: ReasonCode, payload: [UInt8], parkedAt: Timestamp
        ) {
            eventKey = event.eventKey
            kind = event.kind
            programID = event.programID
            orderID = event.orderID
            conversionID = event.conversionID
            clickKey = event.clickKey
            occurredAt = event.occurredAt
            self.code = code
            self.position = position
            self.payload = payload
            self.parkedAt = parkedAt
        }

        /// When it has waited long enough and is refused.
        var until: Timestamp {
            parkedAt.adding(days: code == .orderUnknown || code == .refundUnknown ? 90 : 7)
        }

        /// When it is looked at next: at once if it is new, else after as long as it has waited, at most a minute.
        func lookAt(_ now: Timestamp) -> Timestamp {
            let waited = now.seconds(since: parkedAt)
            return waited <= 0 ? now : now.adding(seconds: min(waited, 60))
        }
    }

    /// A record whose time has come.
    public struct Due: Sendable {
        public let position: SourcePosition
        public let payload: [UInt8]
        public let parkedAt: Timestamp
        /// Whether it waited as long as it may.
        public let isOverdue: Bool
    }

    public static func save(
        _ parked: [Parked], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !parked.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY parked_event (event_key, conversion_id, click_key, code, occurred_at, topic_partition,
                record_offset, payload, parked_at, look_at, until, kind, program_id, order_id)
                FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for record in parked {
                rows.beginRow(columns: 14)
                rows.uuid(record.eventKey.value)
                rows.uuid(record.conversionID.value)
                rows.uuidOrNull(record.clickKey?.value)
                rows.int4(record.code.rawValue)
                rows.timestamp(record.occurredAt.microsecondsSinceEpoch)
                rows.int4(record.position.partition)
                rows.int8(record.position.offset)
                rows.bytes(record.payload)
                rows.timestamp(record.parkedAt.microsecondsSinceEpoch)
                rows.timestamp(record.lookAt(now).microsecondsSinceEpoch)
                rows.timestamp(record.until.microsecondsSinceEpoch)
                rows.int2(record.kind.rawValue)
                rows.text(record.programID)
                rows.textOrNull(record.orderID)
            }
        }
    }

    /// Takes records for which what they wait for is there, or which waited long enough, oldest first; another session
    /// takes others meanwhile.
    public static func take(
        limit: Int, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Due] {
        let due = try transaction.query(
            """
            WITH due AS MATERIALIZED (
                SELECT p.event_key, p.occurred_at FROM parked_event p
                WHERE p.look_at <= $2 AND (p.until <= $2 OR CASE p.code
                    WHEN 206 THEN EXISTS (SELECT FROM conversion c WHERE c.conversion_id = p.conversion_id)
                    WHEN 209 THEN EXISTS (SELECT FROM refund r WHERE r.conversion_id = p.conversion_id)
                    WHEN 201 THEN EXISTS (SELECT FROM click k WHERE k.click_key = p.click_key)
                    ELSE EXISTS (SELECT FROM fx_quote q WHERE q.recorded_at > p.parked_at) END)
                ORDER BY p.parked_at, p.topic_partition, p.record_offset LIMIT $1 FOR UPDATE OF p SKIP LOCKED)
            DELETE FROM parked_event WHERE event_key = ANY (ARRAY(SELECT event_key FROM due))
                AND (event_key, occurred_at) IN (SELECT event_key, occurred_at FROM due)
            RETURNING topic_partition, record_offset, payload, parked_at, until <= $2
            """, .int8(Int64(limit)), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in
            Due(
                position: SourcePosition(partition: try row.int4(0), offset: try row.int8(1)),
                payload: try row.bytes(2), parkedAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(3)),
                isOverdue: try row.bool(4))
        }
        return due.sorted { ($0.position.partition, $0.position.offset) < ($1.position.partition, $1.position.offset) }
    }

    /// Looks at what still waits later and later: after as long as it has waited so far, at most a minute.
    public static func postpone(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run(
            """
            WITH due AS MATERIALIZED (
                SELECT event_key, occurred_at FROM parked_event WHERE look_at <= $1 FOR UPDATE SKIP LOCKED)
            UPDATE parked_event SET look_at = $1 + LEAST(GREATEST($1 - parked_at, '1 second'), interval '1 minute')
            WHERE event_key = ANY (ARRAY(SELECT event_key FROM due))
                AND (event_key, occurred_at) IN (SELECT event_key, occurred_at FROM due)
            """, .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
    }

    /// Says of events that were taken up whom they count for, as if they had come later.
    public static func settleEvents(
        _ events: [(event: TrackingEvent, affiliateID: String)], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !events.isEmpty else { return }
        try transaction.run(
            """
            UPDATE event e SET affiliate_id = s.affiliate_id FROM unnest($1::uuid[], $2::timestamptz[], $3::text[])
                AS s(event_key, occurred_at, affiliate_id)
            WHERE e.event_key = s.event_key AND e.occurred_at = s.occurred_at
            """, .uuids(events.map(\.event.eventKey.value)),
            .timestamps(events.map(\.event.occurredAt.microsecondsSinceEpoch)), .texts(events.map(\.affiliateID)))
    }

    /// Forgets events that turned out to be none: they become exceptions instead.
    public static func forgetEvents(
        _ events: [TrackingEvent], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !events.isEmpty else { return }
        try transaction.run(
            """
            DELETE FROM event e USING unnest($1::uuid[], $2::timestamptz[]) AS s(event_key, occurred_at)
            WHERE e.event_key = s.event_key AND e.occurred_at = s.occurred_at
            """, .uuids(events.map(\.eventKey.value)),
            .timestamps(events.map(\.occurredAt.microsecondsSinceEpoch)))
    }
}
