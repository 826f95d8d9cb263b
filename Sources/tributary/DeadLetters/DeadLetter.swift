import Postgres

/// A record that no worker could process, as it is kept.
struct DeadLetter: Sendable {
    let id: Int64
    let group: String
    let topic: String
    let partition: Int32
    let offset: Int64
    let key: [UInt8]?
    let value: [UInt8]?
    /// A JSON array of pairs, name and value.
    let headers: String
    let errorClass: String
    let errorCode: Int32
    let message: String
    let replayCount: Int32
    let status: String
    let createdAt: String

    /// - Parameters:
    ///   - id: that one alone, whatever its status.
    ///   - status: those of this status; nil for all.
    static func load(
        id: Int64? = nil, group: String? = nil, topic: String? = nil, status: String?, limit: Int,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [DeadLetter] {
        try transaction.query(
            """
            SELECT dead_letter_id, worker_group, topic, partition, record_offset, record_key, record_value,
                headers::text, error_class, error_code, error_message, replay_count, status,
                to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            FROM dead_letter WHERE ($1::int8 IS NULL OR dead_letter_id = $1)
                AND ($2::text IS NULL OR worker_group = $2) AND ($3::text IS NULL OR topic = $3)
                AND ($4::text IS NULL OR status = $4)
            ORDER BY dead_letter_id LIMIT $5
            """, .optionalInt8(id), .optionalText(group), .optionalText(topic), .optionalText(status),
            .int8(Int64(limit))
        ) { row in
            DeadLetter(
                id: try row.int8(0), group: try row.text(1), topic: try row.text(2), partition: try row.int4(3),
                offset: try row.int8(4), key: try row.bytesOrNull(5), value: try row.bytesOrNull(6),
                headers: try row.text(7), errorClass: try row.text(8), errorCode: try row.int4(9),
                message: try row.text(10), replayCount: try row.int4(11), status: try row.text(12),
                createdAt: try row.text(13))
        }
    }

    /// Bytes as text where they are UTF-8, else in hexadecimal.
    static func shown(_ bytes: [UInt8]?, limit: Int = 4_096) -> String {
        guard let bytes else { return "null" }
        let part = bytes.prefix(limit)
        let text =
            String(validating: part, as: UTF8.self) ?? "0x"
            + part.map { byte in
                String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
            }.joined()
        return part.count < bytes.count ? "\(text)… (\(bytes.count) bytes)" : text
    }
}
