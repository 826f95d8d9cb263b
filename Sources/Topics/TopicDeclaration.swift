public import Kafka

/// How one topic is laid out, as its file in `topics/` says.
public struct TopicDeclaration: Sendable, Equatable {
    /// Where records go that no worker can read.
    public struct DeadLetter: Sendable, Equatable {
        /// The topic's name.
        public let name: String
        /// How many partitions it has.
        public let partitions: Int
        /// How long a record is kept, in days.
        public let retentionDays: Int
    }

    /// The topic's name.
    public let name: String
    /// What a record of it says, in one sentence.
    public let description: String
    /// How many partitions it has. Never changed: keys would move, and order with them.
    public let partitions: Int
    /// How many brokers hold each partition.
    public let replication: Int
    /// How long a record is kept, in days.
    public let retentionDays: Int
    /// The field whose equal values keep their order.
    public let key: String
    /// Who publishes to it.
    public let producers: [String]
    /// Who reads it; each is a consumer group.
    public let consumers: [String]
    /// Where records go that no consumer can read.
    public let deadLetter: DeadLetter

    /// The topic and its dead letters, as requests to a broker.
    /// - Parameter replication: overrides the declared number of copies, for clusters with fewer brokers.
    public func topics(replication: Int? = nil) -> [NewTopic] {
        let copies = replication ?? self.replication
        return [
            Self.topic(name, partitions: partitions, replication: copies, retentionDays: retentionDays),
            Self.topic(
                deadLetter.name, partitions: deadLetter.partitions, replication: copies,
                retentionDays: deadLetter.retentionDays),
        ]
    }

    private static func topic(_ name: String, partitions: Int, replication: Int, retentionDays: Int) -> NewTopic {
        let configuration = [
            "cleanup.policy": "delete",
            "retention.ms": String(retentionDays * 86_400_000),
            // With acks=all one broker may be down, and none may lose an acknowledged record.
            "min.insync.replicas": String(max(1, replication - 1)),
            // More than a record may have: a larger one is seen and becomes a dead letter, as any other bad input.
            "max.message.bytes": String(4 << 20),
        ]
        return NewTopic(name: name, partitions: partitions, replication: replication, configuration: configuration)
    }
}
