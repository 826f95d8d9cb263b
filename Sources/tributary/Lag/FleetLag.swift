import Kafka
import Postgres

/// How far each group is behind in each partition, owned or not.
struct FleetLag: Sendable {
    let rows: [PartitionLag]

    /// Reads the positions first and the ends after: no record in between can look like progress.
    ///
    /// - Parameter readers: the groups that read each topic, by topic.
    static func load(
        pool: PostgresPool, admin: KafkaAdmin, readers: [String: [String]]
    ) async throws -> FleetLag {
        let positions = try await pool.transaction { (transaction) throws(PostgresError) in
            try StreamPosition.load(in: transaction)
        }
        let topics = try await admin.metadata()
        let partitions = topics.filter { readers[$0.name] != nil }.flatMap { topic in
            (0..<Int32(topic.partitions)).map { TopicPartition(topic: topic.name, partition: $0) }
        }
        let known = Set(partitions).union(positions.compactMap(\.source))
        let ends = try await admin.watermarks(known.sorted())
        var rows = positions.map { position in
            PartitionLag(position, ends: position.source.flatMap { ends[$0] })
        }
        let read = Set(
            positions.compactMap { position in position.source.map { Reader(group: position.group, of: $0) } })
        for partition in partitions {
            for group in readers[partition.topic] ?? [] where !read.contains(Reader(group: group, of: partition)) {
                rows.append(PartitionLag(unread: partition, by: group, ends: ends[partition]))
            }
        }
        return FleetLag(rows: rows.sorted { ($0.group, $0.topic, $0.partition) < ($1.group, $1.topic, $1.partition) })
    }

    /// Records that are still to be processed; nil while some partition's lag is not known.
    var total: Int64? {
        rows.reduce(Int64?(0)) { sum, row in sum.flatMap { sum in row.lag.map { sum + $0 } } }
    }

    /// True if every record is processed and every message published.
    var isIdle: Bool { rows.allSatisfy { $0.lag == 0 && $0.unpublished == 0 } }

    /// The first partition that will not go on by itself.
    var held: PartitionLag? { rows.first { $0.status.hasPrefix("held") } }

    private struct Reader: Hashable {
        let group: String
        let source: TopicPartition

        init(group: String, of source: TopicPartition) {
            self.group = group
            self.source = source
        }
    }
}
