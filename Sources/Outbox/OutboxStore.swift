public import Domain
import Events
public import Postgres

/// The outbox table: what committed transactions still owe to the topics, and owed before.
public enum OutboxStore {
    /// Writes rows whose sequence the caller took from the lane's row, which it holds locked.
    public static func write(_ rows: [OutboxRow], in transaction: borrowing Transaction) throws(PostgresError) {
        guard !rows.isEmpty else { return }
        _ = try transaction.copy(
            into: """
                COPY outbox (worker_group, topic, partition, out_seq, out_topic, key, message_id, payload, headers,
                payload_hash) FROM STDIN (FORMAT binary)
                """
        ) { writer in
            for row in rows { write(row, to: &writer) }
        }
    }

    private static func write(_ row: OutboxRow, to writer: inout CopyWriter) {
        writer.beginRow(columns: 10)
        writer.text(row.lane.workerGroup)
        writer.text(row.lane.topic)
        writer.int4(row.lane.partition)
        writer.int8(row.sequence)
        writer.text(row.message.topic)
        if let key = row.message.key { writer.bytes(key) } else { writer.null() }
        writer.uuid(row.message.messageID.value)
        if let payload = row.message.payload { writer.bytes(payload) } else { writer.null() }
        if row.message.headers.isEmpty { writer.null() } else { writer.jsonb(json(row.message.headers)) }
        writer.uuid(Identifier(hashing: row.message.payload ?? []).value)
    }

    private static func json(_ headers: [(name: String, value: String)]) -> String {
        var writer = JSONWriter()
        writer.array(headers) { writer, header in
            writer.array([header.name, header.value]) { $0.string($1) }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Adds messages to an emitter's lane, which is made if it is new. The lane stays locked until the transaction
    /// ends, so sequences follow the order of commits.
    public static func append(
        _ messages: [OutboxMessage], to lane: Lane, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !messages.isEmpty else { return }
        _ = try transaction.run(
            """
            INSERT INTO stream_offset (worker_group, topic, partition) VALUES ($1, $2, $3)
            ON CONFLICT (worker_group, topic, partition) DO NOTHING
            """, .text(lane.workerGroup), .text(lane.topic), .int4(lane.partition))
        let ends = try transaction.query(
            """
            UPDATE stream_offset SET next_out_seq = next_out_seq + $4, updated_at = now()
            WHERE worker_group = $1 AND topic = $2 AND partition = $3 RETURNING next_out_seq
            """, .text(lane.workerGroup), .text(lane.topic), .int4(lane.partition), .int8(Int64(messages.count))
        ) { row in try row.int8(0) }
        let first = (ends.first ?? 0) - Int64(messages.count)
        try write(
            messages.enumerated().map {
                OutboxRow(lane: lane, sequence: first + Int64($0.offset), message: $0.element)
            },
            in: transaction)
    }

    /// The rows of a lane from `sequence` on, in order.
    public static func load(
        _ lane: Lane, from sequence: Int64, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [OutboxRow] {
        try transaction.query(
            """
            SELECT out_seq, out_topic, key, message_id, payload, headers::text FROM outbox
            WHERE worker_group = $1 AND topic = $2 AND partition = $3 AND out_seq >= $4 ORDER BY out_seq LIMIT $5
            """, .text(lane.workerGroup), .text(lane.topic), .int4(lane.partition), .int8(sequence), .int8(Int64(limit))
        ) { row in
            OutboxRow(
                lane: lane, sequence: try row.int8(0),
                message: OutboxMessage(
                    topic: try row.text(1), key: try row.bytesOrNull(2), messageID: Identifier(try row.uuid(3)),
                    payload: try row.bytesOrNull(4), headers: headers(try row.textOrNull(5))))
        }
    }

    /// Forgets messages that are on their topics, the first of each lane.
    ///
    /// - Parameters:
    ///   - moment: messages that were written later stay.
    ///   - limit: messages of a lane.
    /// - Returns: how many were forgotten.
    public static func prune(
        writtenBefore moment: Timestamp, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        try transaction.run(
            """
            DELETE FROM outbox WHERE (worker_group, topic, partition, out_seq) IN (
                SELECT s.worker_group, s.topic, s.partition, o.out_seq FROM stream_offset s CROSS JOIN LATERAL (
                    SELECT b.out_seq, b.created_at FROM outbox b
                    WHERE b.worker_group = s.worker_group AND b.topic = s.topic AND b.partition = s.partition
                        AND b.out_seq < s.published_upto
                    ORDER BY b.out_seq LIMIT $2) o
                WHERE o.created_at < $1)
            """, .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch), .int8(Int64(limit)))
    }

    private static func headers(_ json: String?) -> [(name: String, value: String)] {
        guard let json, let pairs = JSONTree(ArraySlice(json.utf8))?.array else { return [] }
        return pairs.compactMap { pair in
            guard let parts = pair.array, parts.count == 2, let name = parts[0].string, let value = parts[1].string
            else { return nil }
            return (name, value)
        }
    }
}
