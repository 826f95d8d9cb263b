public import Domain
public import Postgres

/// Refunds that came before their order.
public enum ParkedStore {
    /// A record that waits.
    public struct Parked: Sendable {
        public let eventKey: Identifier
        public let conversionID: Identifier
        public let position: SourcePosition
        public let payload: [UInt8]

        public init(eventKey: Identifier, conversionID: Identifier, position: SourcePosition, payload: [UInt8]) {
            self.eventKey = eventKey
            self.conversionID = conversionID
            self.position = position
            self.payload = payload
        }
    }

    public static func save(_ parked: [Parked], in transaction: borrowing Transaction) throws(PostgresError) {
        guard !parked.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY parked_event (event_key, conversion_id, topic_partition, record_offset, payload)
                FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for record in parked {
                rows.beginRow(columns: 5)
                rows.uuid(record.eventKey.value)
                rows.uuid(record.conversionID.value)
                rows.int4(record.position.partition)
                rows.int8(record.position.offset)
                rows.bytes(record.payload)
            }
        }
    }

    /// Takes records whose order has come, oldest first; another session takes others meanwhile.
    public static func take(
        limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Parked] {
        let parked = try transaction.query(
            """
            DELETE FROM parked_event WHERE event_key = ANY(ARRAY(
                SELECT p.event_key FROM parked_event p JOIN conversion c USING (conversion_id)
                ORDER BY p.parked_at, p.topic_partition, p.record_offset LIMIT $1 FOR UPDATE OF p SKIP LOCKED))
            RETURNING event_key, conversion_id, topic_partition, record_offset, payload
            """, .int8(Int64(limit))
        ) { row throws(PostgresError) in
            Parked(
                eventKey: Identifier(try row.uuid(0)), conversionID: Identifier(try row.uuid(1)),
                position: SourcePosition(partition: try row.int4(2), offset: try row.int8(3)),
                payload: try row.bytes(4))
        }
        return parked.sorted {
            ($0.position.partition, $0.position.offset) < ($1.position.partition, $1.position.offset)
        }
    }

    /// Says of events whose order came whom they count for, as if they had come behind it.
    public static func settleEvents(
        _ affiliates: [Identifier: String], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !affiliates.isEmpty else { return }
        let sorted = affiliates.sorted { $0.key < $1.key }
        try transaction.run(
            """
            UPDATE event e SET affiliate_id = s.affiliate_id FROM unnest($1::uuid[], $2::text[])
                AS s(event_key, affiliate_id) WHERE e.event_key = s.event_key
            """, .uuids(sorted.map(\.key.value)), .texts(sorted.map(\.value)))
    }

    /// Forgets events that turned out to be none once their order came: they become exceptions instead.
    public static func forgetEvents(
        _ keys: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !keys.isEmpty else { return }
        try transaction.run("DELETE FROM event WHERE event_key = ANY($1)", .uuids(keys.map(\.value)))
    }
}
