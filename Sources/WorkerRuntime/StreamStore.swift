import Domain
import Kafka
import Outbox
import Postgres

/// The rows of `stream_offset`: the positions, fences and holds of a worker group's partitions.
enum StreamStore {
    /// Gives a group that has never read `topic` a row per partition, starting at the partition's low watermark.
    ///
    /// A group that has any row of the topic gets none: a row that is missing then is a fault to hold, not a start.
    static func register(
        group: String, topic: String, lowWatermarks: [Int32: Int64], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let partitions = lowWatermarks.sorted { $0.key < $1.key }
        try transaction.run("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", .text("\(group)/\(topic)"))
        try transaction.run(
            """
            INSERT INTO stream_offset (worker_group, topic, partition, next_offset, first_offset)
            SELECT $1, $2, p.partition, p.low, p.low FROM unnest($3::int4[], $4::int8[]) AS p(partition, low)
            WHERE NOT EXISTS (SELECT FROM stream_offset WHERE worker_group = $1 AND topic = $2)
            """, .text(group), .text(topic), .int4s(partitions.map(\.key)), .int8s(partitions.map(\.value)))
    }

    /// The fence: locks the rows that are still this owner's and stand where it believes, before anything else happens.
    ///
    /// - Returns: the lanes that are; every other has a new owner, or was moved or held by an operator.
    static func fence(
        _ partitions: [OwnedPartition], in transaction: borrowing Transaction
    ) throws(PostgresError) -> Set<Lane> {
        let group = partitions.first?.lane.workerGroup ?? ""
        let lanes = try transaction.query(
            """
            SELECT s.topic, s.partition FROM stream_offset s
            JOIN unnest($2::text[], $3::int4[], $4::int8[], $5::int8[]) AS mine(topic, partition, epoch, expected)
              ON s.topic = mine.topic AND s.partition = mine.partition
            WHERE s.worker_group = $1 AND s.owner_epoch = mine.epoch AND s.next_offset = mine.expected
              AND s.mode <> 'held'
            ORDER BY s.topic, s.partition FOR UPDATE OF s
            """, .text(group), .texts(partitions.map(\.lane.topic)), .int4s(partitions.map(\.lane.partition)),
            .int8s(partitions.map(\.epoch)), .int8s(partitions.map(\.nextOffset))
        ) { row in
            Lane(workerGroup: group, topic: try row.text(0), partition: try row.int4(1))
        }
        return Set(lanes)
    }

    /// Moves fenced rows forward to what `partitions` say.
    ///
    /// - Parameter lastRecordAt: the timestamp of the last record taken from each partition, in the same order.
    static func advance(
        _ partitions: [OwnedPartition], lastRecordAt: [Timestamp], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            UPDATE stream_offset s SET next_offset = a.next_offset, next_out_seq = a.next_out_seq,
                published_upto = a.published_upto, last_record_at = a.last_record_at, trying_offset = NULL,
                crash_count = 0, crash_offset = NULL, clean_records = a.clean_records, mode = a.mode,
                updated_at = now()
            FROM unnest($2::text[], $3::int4[], $4::int8[], $5::int8[], $6::int8[], $7::timestamptz[], $8::int4[],
                $9::text[])
                AS a(topic, partition, next_offset, next_out_seq, published_upto, last_record_at, clean_records, mode)
            WHERE s.worker_group = $1 AND s.topic = a.topic AND s.partition = a.partition
            """, .text(partitions.first?.lane.workerGroup ?? ""), .texts(partitions.map(\.lane.topic)),
            .int4s(partitions.map(\.lane.partition)), .int8s(partitions.map(\.nextOffset)),
            .int8s(partitions.map(\.nextOutSequence)), .int8s(partitions.map(\.publishedUpTo)),
            .timestamps(lastRecordAt.map(\.microsecondsSinceEpoch)), .int4s(partitions.map(\.cleanRecords)),
            .texts(partitions.map(\.mode.rawValue)))
    }

    /// Saves how far the lanes are published, and with `release` that this owner goes in good order.
    static func savePublished(
        _ partitions: [OwnedPartition], release: Bool, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            UPDATE stream_offset s SET published_upto = a.published_upto, clean_release = clean_release OR $6,
                updated_at = now()
            FROM unnest($2::text[], $3::int4[], $4::int8[], $5::int8[]) AS a(topic, partition, epoch, published_upto)
            WHERE s.worker_group = $1 AND s.topic = a.topic AND s.partition = a.partition AND s.owner_epoch = a.epoch
              AND s.published_upto <= a.published_upto
            """, .text(partitions.first?.lane.workerGroup ?? ""), .texts(partitions.map(\.lane.topic)),
            .int4s(partitions.map(\.lane.partition)), .int8s(partitions.map(\.epoch)),
            .int8s(partitions.map(\.publishedUpTo)), .bool(release))
    }

    /// Holds a partition where it stands, for an operator to see and release.
    static func hold(
        _ partition: OwnedPartition, reason: HoldReason, detail: String, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            UPDATE stream_offset SET mode = 'held', hold_reason = $5, hold_detail = $6, updated_at = now()
            WHERE worker_group = $1 AND topic = $2 AND partition = $3 AND owner_epoch = $4
            """, .text(partition.lane.workerGroup), .text(partition.lane.topic), .int4(partition.lane.partition),
            .int8(partition.epoch), .text(reason.rawValue), .text(detail))
    }

    /// Marks the record that a quarantined partition tries next.
    ///
    /// - Returns: false if the partition has another owner.
    static func markTrying(
        _ partition: OwnedPartition, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.run(
            """
            UPDATE stream_offset SET trying_offset = next_offset, updated_at = now()
            WHERE worker_group = $1 AND topic = $2 AND partition = $3 AND owner_epoch = $4 AND next_offset = $5
            """, .text(partition.lane.workerGroup), .text(partition.lane.topic), .int4(partition.lane.partition),
            .int8(partition.epoch), .int8(partition.nextOffset)) == 1
    }

    /// The rows of `lanes` as they stand.
    static func read(
        _ lanes: [Lane], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Lane: StreamRow] {
        let group = lanes.first?.workerGroup ?? ""
        let rows = try transaction.query(
            """
            SELECT s.topic, s.partition, owner_epoch, COALESCE(next_offset, 0), next_out_seq, mode <> 'held'
            FROM stream_offset s JOIN unnest($2::text[], $3::int4[]) AS l(topic, partition)
              ON s.topic = l.topic AND s.partition = l.partition
            WHERE worker_group = $1
            """, .text(group), .texts(lanes.map(\.topic)), .int4s(lanes.map(\.partition))
        ) { row in
            (
                Lane(workerGroup: group, topic: try row.text(0), partition: try row.int4(1)),
                StreamRow(
                    epoch: try row.int8(2), nextOffset: try row.int8(3), nextOutSequence: try row.int8(4),
                    runs: try row.bool(5))
            )
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}
