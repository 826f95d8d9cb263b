import Foundation
import Kafka
import Logging

/// A broker for tests: the one that `KAFKA_BOOTSTRAP_SERVERS` names, else mock brokers in this process.
///
/// Topic and group names are fresh for every test, so tests share one broker and an external one may be used again.
public struct TestBroker: Sendable {
    /// How to reach the broker.
    public let settings: KafkaSettings
    /// The mock brokers to play tricks on; nil when the broker is an external one.
    public let mock: MockCluster?

    private init(settings: KafkaSettings, mock: MockCluster?) {
        self.settings = settings
        self.mock = mock
    }

    /// The environment names a broker, so that tests of what mock brokers cannot do make sense.
    public static var isExternal: Bool { external != nil }

    /// The broker that all tests of a process share.
    /// - Throws: when mock brokers cannot start.
    public static func shared() throws(KafkaError) -> TestBroker {
        try sharedBroker.get()
    }

    /// Mock brokers of one's own, for a test that breaks them.
    /// - Throws: when they cannot start.
    public static func mock() throws(KafkaError) -> TestBroker {
        let mock = try MockCluster()
        return TestBroker(settings: KafkaSettings(bootstrapServers: mock.bootstrapServers), mock: mock)
    }

    /// A name that nobody used before.
    /// - Parameter word: what the name is for, such as `group`.
    public func freshName(_ word: String) -> String {
        "\(word)-\(UInt64.random(in: .min ... .max))"
    }

    /// Creates a topic under a fresh name.
    /// - Parameter partitions: how many partitions it gets.
    /// - Returns: the topic's name.
    /// - Throws: when the broker refuses.
    public func createTopic(partitions: Int = 1) async throws(KafkaError) -> String {
        let name = freshName("topic")
        if let mock {
            try await mock.createTopic(name, partitions: partitions)
            return name
        }
        let admin = try KafkaAdmin(settings, clientID: "test", logger: Logger(label: "test"))
        let topic = NewTopic(name: name, partitions: partitions, replication: 1)
        if case .failed(let error) = try await admin.createTopics([topic])[name] { throw error }
        return name
    }

    private static let sharedBroker = Result<TestBroker, KafkaError> { () throws(KafkaError) -> TestBroker in
        if let external { return TestBroker(settings: external, mock: nil) }
        return try mock()
    }

    private static let external = KafkaSettings.fromEnvironment(ProcessInfo.processInfo.environment)
}
