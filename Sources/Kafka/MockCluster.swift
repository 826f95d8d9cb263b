internal import Blocking
internal import CLibrdkafka
import Logging

/// librdkafka's mock brokers in this process, for development and tests.
///
/// They listen on free loopback ports, so other processes can use them too. They forget everything with the process,
/// and keep no more than 5 MiB of each partition, silently.
public actor MockCluster {
    /// What clients connect to.
    public nonisolated let bootstrapServers: String
    private let executor: ThreadExecutor
    private var cluster: MockClusterHandle

    /// Runs on a thread of its own, which librdkafka may block.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Starts mock brokers numbered from 1.
    /// - Parameter brokers: how many.
    /// - Throws: when no port is free.
    public init(brokers: Int = 1, logger: Logger = Logger(label: "mock-cluster")) throws(KafkaError) {
        let cluster = try MockClusterHandle(brokers: brokers, logger: logger)
        bootstrapServers = String(cString: rd_kafka_mock_cluster_bootstraps(cluster.pointer))
        self.cluster = cluster
        executor = ThreadExecutor(name: "kafka-mock")
    }

    /// Creates an empty topic with one replica.
    /// - Parameters:
    ///   - name: the topic's name.
    ///   - partitions: how many partitions it gets.
    /// - Throws: when there is such a topic.
    public func createTopic(_ name: String, partitions: Int) throws(KafkaError) {
        let code = rd_kafka_mock_topic_create(cluster.pointer, name, Int32(clamping: partitions), 1)
        try KafkaError.check(code, "create topic")
    }

    /// Cuts a broker's connections and refuses new ones.
    /// - Parameter broker: the broker's number, from 1.
    /// - Throws: when there is no such broker.
    public func setDown(broker: Int32 = 1) throws(KafkaError) {
        try KafkaError.check(rd_kafka_mock_broker_set_down(cluster.pointer, broker), "set broker down")
    }

    /// Takes connections again.
    /// - Parameter broker: the broker's number, from 1.
    /// - Throws: when there is no such broker.
    public func setUp(broker: Int32 = 1) throws(KafkaError) {
        try KafkaError.check(rd_kafka_mock_broker_set_up(cluster.pointer, broker), "set broker up")
    }

    /// Delays every answer of a broker.
    /// - Parameters:
    ///   - milliseconds: how long each answer takes.
    ///   - broker: the broker's number, from 1.
    /// - Throws: when there is no such broker.
    public func setRoundTrip(milliseconds: Int32, broker: Int32 = 1) throws(KafkaError) {
        let code = rd_kafka_mock_broker_set_rtt(cluster.pointer, broker, milliseconds)
        try KafkaError.check(code, "set round trip")
    }

    /// Answers the next requests of one kind with errors.
    /// - Parameters:
    ///   - codes: one error code of the Kafka protocol for each request.
    ///   - request: the kind of request.
    public func pushErrors(_ codes: [Int32], to request: MockRequest) {
        let errors = codes.map { rd_kafka_resp_err_t($0) }
        rd_kafka_mock_push_request_errors_array(cluster.pointer, request.rawValue, errors.count, errors)
    }
}

/// A kind of request, by its number in the Kafka protocol.
public enum MockRequest: Int16, Sendable {
    /// Publishing messages.
    case produce = 0
    /// Reading messages.
    case fetch = 1
    /// Asking for the ends of a log.
    case listOffsets = 2
    /// Asking for topics and leaders.
    case metadata = 3
    /// Storing a group's position.
    case offsetCommit = 8
    /// Asking for a group's coordinator.
    case findCoordinator = 10
    /// Entering a group.
    case joinGroup = 11
    /// Staying in a group.
    case heartbeat = 12
    /// Becoming an idempotent producer.
    case initProducerID = 22
}

/// The brokers and the client handle they live in, which goes last.
private struct MockClusterHandle: ~Copyable {
    let pointer: OpaquePointer
    private let host: ClientHandle

    init(brokers: Int, logger: Logger) throws(KafkaError) {
        let configuration = ConfigurationHandle()
        // Warnings only: with more it says each time that it has no brokers to connect to.
        try configuration.set(["log_level": "4"])
        let host = try ClientHandle(
            RD_KAFKA_PRODUCER, configuration: configuration, context: ClientContext(logger: logger))
        guard let pointer = rd_kafka_mock_cluster_new(try host.open("start brokers"), Int32(clamping: brokers)) else {
            throw KafkaError(rd_kafka_last_error(), "start brokers")
        }
        self.host = host
        self.pointer = pointer
    }

    deinit {
        rd_kafka_mock_cluster_destroy(pointer)
    }
}
