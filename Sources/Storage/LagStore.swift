public import Domain
public import Postgres

/// How far workers are behind in their topics, and since when it is too far.
public enum LagStore {
    /// Where a partition ends: behind its last record.
    public struct TopicEnd: Hashable, Sendable {
        public let topic: String
        public let partition: Int32
        public let offset: Int64

        public init(topic: String, partition: Int32, offset: Int64) {
            self.topic = topic
            self.partition = partition
            self.offset = offset
        }
    }

    /// A worker that has been further behind than it may be, for longer than it may be.
    public struct Episode: Hashable, Sendable {
        public let group: String
        public let topic: String
        /// Records that it has not read, over all partitions.
        public let records: Int64
        /// When it was first seen too far behind.
        public let since: Timestamp
    }

    /// Keeps since when each worker is too far behind, and forgets it of those that have caught up.
    ///
    /// - Parameter ends: of all partitions that answered; a topic without any stays as it was seen last.
    /// - Returns: those that are behind for longer than the setting says. How far one may be behind is the topic's
    ///   own, or what holds for all.
    public static func observe(
        _ ends: [TopicEnd], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Episode] {
        let (limit, patience) = (
            try SettingStore.value(of: .lagRecords, in: transaction),
            try SettingStore.value(of: .lagSeconds, in: transaction)
        )
        return try transaction.query(
            """
            WITH behind AS (
                SELECT s.worker_group, s.topic, sum(GREATEST(0, e.end_offset - s.next_offset))::bigint AS records,
                    COALESCE((SELECT o.value FROM topic_setting o WHERE o.name = $7 AND o.topic = s.topic), $4)
                        AS allowed
                FROM unnest($1::text[], $2::int[], $3::bigint[]) AS e (topic, partition, end_offset)
                JOIN stream_offset s USING (topic, partition) WHERE s.next_offset IS NOT NULL
                GROUP BY s.worker_group, s.topic
            ), begun AS (
                INSERT INTO lag_episode (worker_group, topic, since)
                SELECT worker_group, topic, $5 FROM behind WHERE records > allowed ORDER BY worker_group, topic
                ON CONFLICT (worker_group, topic) DO NOTHING
            ), over AS (
                DELETE FROM lag_episode l USING behind b
                WHERE (l.worker_group, l.topic) = (b.worker_group, b.topic) AND b.records <= b.allowed
            )
            SELECT l.worker_group, l.topic, b.records, l.since
            FROM lag_episode l JOIN behind b USING (worker_group, topic)
            WHERE b.records > b.allowed AND l.since <= $6 ORDER BY l.worker_group, l.topic
            """, .texts(ends.map(\.topic)), .int4s(ends.map(\.partition)),
            .int8s(ends.map(\.offset)), .int8(limit), .moment(now),
            .moment(now.adding(seconds: -patience)), .text(FleetSetting.lagRecords.rawValue)
        ) { row throws(PostgresError) in
            Episode(
                group: try row.text(0), topic: try row.text(1), records: try row.int8(2),
                since: Timestamp(microsecondsSinceEpoch: try row.timestamp(3)))
        }
    }
}
