import Kafka
import Topics

/// A broker for development: mock brokers that hold exactly the declared topics.
///
/// It lives and dies with its process, and keeps no more than 5 MiB of each partition: whoever publishes to it must
/// stay close to its readers.
public struct EmbeddedBroker: Sendable {
    /// The mock brokers, to play tricks on.
    public let cluster: MockCluster

    /// What clients of this and of other processes connect to.
    public var bootstrapServers: String { cluster.bootstrapServers }

    /// How clients of this process reach the broker.
    public var settings: KafkaSettings { KafkaSettings(bootstrapServers: bootstrapServers) }

    /// Starts the broker on a free loopback port and creates the topics.
    /// - Parameter declarations: the topics to create, with their dead letters.
    /// - Throws: when no port is free.
    public static func start(_ declarations: [TopicDeclaration]) async throws(KafkaError) -> EmbeddedBroker {
        let cluster = try MockCluster()
        for topic in declarations.flatMap({ $0.topics(replication: 1) }) {
            try await cluster.createTopic(topic.name, partitions: topic.partitions)
        }
        return EmbeddedBroker(cluster: cluster)
    }

    private init(cluster: MockCluster) {
        self.cluster = cluster
    }
}
