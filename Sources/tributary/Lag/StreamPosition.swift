import Kafka
import Postgres

/// Where a worker group stands in a partition, as the database knows it.
struct StreamPosition: Sendable {
    let group: String
    /// nil for a lane: an emitter without an input partition.
    let source: TopicPartition?
    let owner: String
    let epoch: Int64
    /// nil for a lane, and for a partition that the group found no start in.
    let nextOffset: Int64?
    /// Messages that are committed and not known to be on their topics.
    let unpublished: Int64
    let mode: String
    let holdReason: String?
    let holdDetail: String?
    let secondsSinceUpdate: Int64

    /// All positions, by group, topic and partition.
    static func load(in transaction: borrowing Transaction) throws(PostgresError) -> [StreamPosition] {
        try transaction.query(
            """
            SELECT worker_group, topic, partition, CASE WHEN clean_release THEN '' ELSE owner_id END, owner_epoch,
                next_offset, next_out_seq - published_upto, mode, hold_reason, hold_detail,
                GREATEST(0, EXTRACT(epoch FROM now() - updated_at))::int8
            FROM stream_offset ORDER BY worker_group, topic, partition
            """
        ) { row in
            let topic = try row.text(1)
            return StreamPosition(
                group: try row.text(0),
                source: topic.isEmpty ? nil : TopicPartition(topic: topic, partition: try row.int4(2)),
                owner: try row.text(3), epoch: try row.int8(4), nextOffset: try row.int8OrNull(5),
                unpublished: try row.int8(6), mode: try row.text(7), holdReason: try row.textOrNull(8),
                holdDetail: try row.textOrNull(9), secondsSinceUpdate: try row.int8(10))
        }
    }
}
