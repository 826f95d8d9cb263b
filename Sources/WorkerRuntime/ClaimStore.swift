import Kafka
import Outbox
import Postgres

/// Taking partitions over from whoever held them.
enum ClaimStore {
    /// Takes the partitions over: their epochs rise, so an owner before can commit nothing more.
    ///
    /// An owner that died without releasing leaves its mark: three deaths in a row at one offset put the partition in
    /// quarantine, and a death on a marked record names that record as poison.
    ///
    /// - Parameter lanes: of one worker group.
    /// - Returns: the partitions that have a row; the others get one that is held, since a known group starts nowhere
    /// by
    ///   itself.
    static func claim(
        _ lanes: [Lane], owner: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [OwnedPartition] {
        let group = lanes.first?.workerGroup ?? ""
        let topics = PostgresValue.texts(lanes.map(\.topic))
        let partitions = PostgresValue.int4s(lanes.map(\.partition))
        // In one order everywhere, so that two claimants wait for each other instead of deadlocking.
        try transaction.run(
            """
            SELECT FROM stream_offset s JOIN unnest($2::text[], $3::int4[]) AS l(topic, partition)
              ON s.topic = l.topic AND s.partition = l.partition
            WHERE worker_group = $1 ORDER BY s.topic, s.partition FOR UPDATE OF s
            """, .text(group), topics, partitions)
        let owned = try transaction.query(
            """
            UPDATE stream_offset s SET owner_epoch = owner_epoch + 1, owner_id = $4, clean_release = false,
                crash_count = CASE WHEN clean_release THEN 0 WHEN crash_offset = next_offset THEN crash_count + 1
                    ELSE 1 END,
                crash_offset = CASE WHEN clean_release THEN NULL ELSE next_offset END,
                mode = CASE WHEN mode = 'run' AND NOT clean_release AND crash_offset = next_offset AND crash_count >= 2
                    THEN 'quarantine' ELSE mode END,
                clean_records = 0, updated_at = now()
            FROM unnest($2::text[], $3::int4[]) AS l(topic, partition)
            WHERE s.worker_group = $1 AND s.topic = l.topic AND s.partition = l.partition
            RETURNING s.topic, s.partition, owner_epoch, COALESCE(next_offset, 0), next_out_seq, published_upto, mode,
                CASE WHEN trying_offset = next_offset THEN trying_offset END
            """, .text(group), topics, partitions, .text(owner)
        ) { row in try partition(row, group: group) }
        try holdMissing(group, topics, partitions, in: transaction)
        return owned
    }

    private static func partition(_ row: borrowing Row, group: String) throws(PostgresError) -> OwnedPartition {
        OwnedPartition(
            lane: Lane(workerGroup: group, topic: try row.text(0), partition: try row.int4(1)),
            epoch: try row.int8(2), nextOffset: try row.int8(3), nextOutSequence: try row.int8(4),
            publishedUpTo: try row.int8(5), savedPublishedUpTo: try row.int8(5),
            mode: OwnedPartition.Mode(rawValue: try row.text(6)) ?? .held, poisonOffset: try row.int8OrNull(7))
    }

    private static func holdMissing(
        _ group: String, _ topics: PostgresValue, _ partitions: PostgresValue, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            INSERT INTO stream_offset (worker_group, topic, partition, mode, hold_reason, hold_detail)
            SELECT $1, topic, partition, 'held', 'missing-offset', 'the group has no position in this partition'
            FROM unnest($2::text[], $3::int4[]) AS l(topic, partition)
            ON CONFLICT (worker_group, topic, partition) DO NOTHING
            """, .text(group), topics, partitions)
    }
}
