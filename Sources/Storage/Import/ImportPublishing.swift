public import Domain
import Events
public import Outbox
public import Postgres

/// Takes the new rows of confirmed imports to the outbox, a chunk per transaction.
///
/// A row leaves `import_row` in the transaction that puts it into the outbox, so whoever dies on the way leaves no row
/// twice and none behind, and anybody may go on. Imports have a lane of their own: what else the console has to say
/// does not wait behind a file.
public enum ImportPublishing {
    /// Published by the console.
    public static let lane = Lane(emitter: "import")
    static let chunkRows: Int32 = 1_000

    /// Moves the next rows of the import that was confirmed first.
    ///
    /// - Parameter importID: nil for any.
    /// - Returns: false if no confirmed import has anything left to do.
    public static func moveChunk(
        of importID: Identifier? = nil, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        let next = try transaction.query(
            """
            SELECT import_id, published_rows, new_rows FROM import
            WHERE state = 'publishing' AND ($1::uuid IS NULL OR import_id = $1)
            ORDER BY confirmed_at, import_id LIMIT 1 FOR UPDATE
            """, .optionalUUID(importID?.value)
        ) { row throws(PostgresError) in (try row.identifier(0), try row.int4(1), try row.int4(2)) }
        guard let (importID, first, newRows) = next.first else { return false }
        let end = min(newRows, first + chunkRows)
        let messages = try takeRows(of: importID, first..<end, in: transaction)
        guard messages.count == Int(end - first) else {
            throw .rollback("rows of an import are missing: \(importID)")
        }
        try OutboxStore.append(messages, to: lane, in: transaction)
        try transaction.run(
            """
            UPDATE import SET published_rows = $2,
                last_out_seq = (SELECT next_out_seq FROM stream_offset
                    WHERE worker_group = $3 AND topic = '' AND partition = 0),
                state = CASE WHEN new_rows = $2 THEN 'done' ELSE state END,
                ended_at = CASE WHEN new_rows = $2 THEN $4::timestamptz END
            WHERE import_id = $1
            """, .uuid(importID.value), .int4(end), .text(lane.workerGroup),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
        return true
    }

    private static func takeRows(
        of importID: Identifier, _ numbers: Range<Int32>, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [OutboxMessage] {
        let rows = try transaction.query(
            """
            DELETE FROM import_row WHERE import_id = $1 AND row_number >= $2 AND row_number < $3
            RETURNING row_number, record_key, payload
            """, .uuid(importID.value), .int4(numbers.lowerBound), .int4(numbers.upperBound)
        ) { row throws(PostgresError) in (number: try row.int4(0), key: try row.text(1), payload: try row.bytes(2)) }
        return rows.sorted { $0.number < $1.number }.map { row in
            OutboxMessage(
                topic: TopicName.conversionsRaw, key: Array(row.key.utf8),
                messageID: Identifier(hashing: "import", importID.description, String(row.number)),
                payload: row.payload)
        }
    }
}
