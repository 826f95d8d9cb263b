import Domain
import Events
import Postgres

/// How far a partition of a topic reaches, as the broker says.
public struct PartitionWatermark: Hashable, Sendable {
    public let topic: String
    public let partition: Int32
    /// The offset of the oldest record kept.
    public let low: Int64
    /// The offset that the next record will get.
    public let high: Int64

    /// - Parameters:
    ///   - low: the offset of the oldest record kept.
    ///   - high: the offset that the next record will get.
    public init(topic: String, partition: Int32, low: Int64, high: Int64) {
        self.topic = topic
        self.partition = partition
        self.low = low
        self.high = high
    }
}

/// Where one worker group stands in one partition, or an emitter in its lane.
struct PartitionPosition: Encodable, Sendable {
    let workerGroup: String
    /// Empty for the lane of an emitter.
    let topic: String
    let partition: Int32
    let nextOffset: Int64?
    /// nil while the broker does not answer.
    let highWatermark: Int64?
    /// Records not worked on yet; nil for a lane, or while the broker does not answer.
    let lag: Int64?
    /// Empty: nobody.
    let ownerId: String
    let ownerEpoch: Int64
    let mode: String
    let holdReason: String?
    let holdDetail: String?
    /// Messages that were decided and are not on their topics yet.
    let unpublished: Int64
    let lastRecordAt: String?
    let updatedAt: String
}

/// A record that no worker could read.
struct DeadLetter: Encodable, Sendable {
    let deadLetterId: Int64
    let workerGroup: String
    let topic: String
    let partition: Int32
    let recordOffset: Int64
    let recordAt: String
    let errorClass: String
    let errorCode: Int32
    let errorMessage: String
    let replayCount: Int32
    let status: String
    let recordKey: String?
    /// The beginning of the record; bytes that are not UTF-8 are replaced.
    let recordStart: String?
    let recordBytes: Int64
    let createdAt: String

    var cursor: Cursor { Cursor(String(deadLetterId)) }
}

/// What the fleet is doing.
enum FleetQueries {
    static let recordStartBytes: Int32 = 400

    static func positions(
        watermarks: [PartitionWatermark], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PartitionPosition] {
        let highs = Dictionary(
            watermarks.map { (TopicSlot(topic: $0.topic, partition: $0.partition), $0.high) },
            uniquingKeysWith: { max($0, $1) })
        return try transaction.query(
            """
            SELECT worker_group, topic, partition, next_offset, owner_id, owner_epoch, mode, hold_reason, hold_detail,
                next_out_seq - published_upto, last_record_at, updated_at
            FROM stream_offset ORDER BY topic = '', topic, worker_group, partition
            """
        ) { row in
            let slot = TopicSlot(topic: try row.text(1), partition: try row.int4(2))
            let next = try row.int8OrNull(3)
            let high = next == nil ? nil : highs[slot]
            return PartitionPosition(
                workerGroup: try row.text(0), topic: slot.topic, partition: slot.partition, nextOffset: next,
                highWatermark: high, lag: high.flatMap { high in next.map { max(0, high - $0) } },
                ownerId: try row.text(4), ownerEpoch: try row.int8(5), mode: try row.text(6),
                holdReason: try row.textOrNull(7), holdDetail: try row.textOrNull(8), unpublished: try row.int8(9),
                lastRecordAt: try row.momentOrNull(10), updatedAt: try row.moment(11))
        }
    }

    /// - Parameter status: nil for all.
    /// - Returns: up to one row more than `limit`, newest first.
    static func deadLetters(
        status: String?, limit: Int, cursor: Cursor?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [DeadLetter] {
        try transaction.query(
            """
            SELECT dead_letter_id, worker_group, topic, partition, record_offset, record_at, error_class, error_code,
                error_message, replay_count, status, record_key, substring(record_value FROM 1 FOR $4),
                COALESCE(octet_length(record_value), 0)::bigint, created_at
            FROM dead_letter
            WHERE ($1::text IS NULL OR status = $1) AND ($2::bigint IS NULL OR dead_letter_id < $2)
            ORDER BY dead_letter_id DESC LIMIT $3
            """, .optionalText(status), .optionalInt8(cursor.flatMap { Int64($0.fields[0]) }), .int8(Int64(limit) + 1),
            .int4(recordStartBytes), decode: decodeDeadLetter)
    }

    private static func decodeDeadLetter(_ row: borrowing Row) throws(PostgresError) -> DeadLetter {
        DeadLetter(
            deadLetterId: try row.int8(0), workerGroup: try row.text(1), topic: try row.text(2),
            partition: try row.int4(3), recordOffset: try row.int8(4), recordAt: try row.moment(5),
            errorClass: try row.text(6), errorCode: try row.int4(7), errorMessage: try row.text(8),
            replayCount: try row.int4(9), status: try row.text(10),
            recordKey: try row.bytesOrNull(11).map { String(decoding: $0, as: UTF8.self) },
            recordStart: try row.bytesOrNull(12).map { String(decoding: $0, as: UTF8.self) },
            recordBytes: try row.int8(13), createdAt: try row.moment(14))
    }
}

/// A partition as a key.
private struct TopicSlot: Hashable {
    let topic: String
    let partition: Int32
}

extension FleetQueries {
    /// A text that changes whenever the figures of a page may have changed; read from the ends of indexes only.
    static func version(in transaction: borrowing Transaction) throws(PostgresError) -> String {
        try transaction.query(
            """
            SELECT concat_ws('.',
                (SELECT sum(next_offset) FROM stream_offset), (SELECT max(payout_event_id) FROM payout_event),
                (SELECT max(dead_letter_id) FROM dead_letter), (SELECT max(audit_id) FROM audit_log),
                (SELECT count(*) FROM notification WHERE audience = 'admin' AND read_at IS NULL),
                (SELECT sum(published_rows) FROM import))
            """
        ) { row in try row.text(0) }.first ?? ""
    }
}
