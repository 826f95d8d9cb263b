internal import Blocking
internal import CLibrdkafka
import Logging

/// A topic as a broker describes it.
public struct TopicDescription: Sendable, Hashable {
    /// The topic's name.
    public let name: String
    /// How many partitions it has.
    public let partitions: Int
    /// How many brokers hold each partition.
    public let replication: Int

    /// - Parameters:
    ///   - name: the topic's name.
    ///   - partitions: how many partitions it has.
    ///   - replication: how many brokers hold each partition.
    public init(name: String, partitions: Int, replication: Int) {
        self.name = name
        self.partitions = partitions
        self.replication = replication
    }
}

/// A topic to create.
public struct NewTopic: Sendable, Hashable {
    /// The topic's name.
    public var name: String
    /// How many partitions it gets.
    public var partitions: Int
    /// How many brokers hold each partition.
    public var replication: Int
    /// Topic settings of the broker, such as `retention.ms`.
    public var configuration: [String: String]

    /// - Parameters:
    ///   - name: the topic's name.
    ///   - partitions: how many partitions it gets.
    ///   - replication: how many brokers hold each partition.
    ///   - configuration: topic settings of the broker.
    public init(name: String, partitions: Int, replication: Int, configuration: [String: String] = [:]) {
        self.name = name
        self.partitions = partitions
        self.replication = replication
        self.configuration = configuration
    }
}

/// What became of a topic to create.
public enum TopicCreation: Sendable, Equatable {
    /// The broker made it.
    case created
    /// There is a topic of this name.
    case existed
    /// The broker refused.
    case failed(KafkaError)
}

/// Questions to a cluster, and the creation of topics, on a thread of its own.
public actor KafkaAdmin {
    private let executor: ThreadExecutor
    private var handle: ClientHandle

    /// Runs on a thread of its own, which librdkafka may block.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Creates the client; the connection comes up in the background.
    /// - Throws: when a property is refused.
    public init(_ settings: KafkaSettings, clientID: String, logger: Logger) throws(KafkaError) {
        let conf = ConfigurationHandle()
        try conf.set(settings.properties(clientID: clientID))
        try conf.set(settings.extra)
        handle = try ClientHandle(RD_KAFKA_PRODUCER, configuration: conf, context: ClientContext(logger: logger))
        executor = ThreadExecutor(name: "kafka-admin")
    }

    /// Lists the cluster's topics by name.
    /// - Parameter limit: how long to wait for a broker.
    /// - Throws: when no broker answers in time.
    public func metadata(within limit: Duration = .seconds(10)) throws(KafkaError) -> [TopicDescription] {
        var answer: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(try handle.open("metadata"), 1, nil, &answer, limit.roundedMilliseconds)
        try KafkaError.check(code, "metadata")
        guard let answer else { return [] }
        defer { rd_kafka_metadata_destroy(answer) }
        return UnsafeBufferPointer(start: answer.pointee.topics, count: Int(answer.pointee.topic_cnt))
            .map { topic in
                let replicas = topic.partition_cnt > 0 ? topic.partitions.pointee.replica_cnt : 0
                return TopicDescription(
                    name: String(cString: topic.topic), partitions: Int(topic.partition_cnt),
                    replication: Int(replicas))
            }
            .sorted { $0.name < $1.name }
    }

    /// Asks for the ends of many partitions.
    /// - Parameters:
    ///   - partitions: the partitions to ask for.
    ///   - limit: how long to wait for each.
    /// - Returns: the ends by partition; a partition that did not answer is missing.
    /// - Throws: when the admin client is closed.
    public func watermarks(
        _ partitions: [TopicPartition], within limit: Duration = .seconds(5)
    ) throws(KafkaError) -> [TopicPartition: Watermarks] {
        let client = try handle.open("watermarks")
        var answers: [TopicPartition: Watermarks] = [:]
        for partition in partitions {
            // A partition without a leader is no reason to know nothing of the others; its absence is the report.
            answers[partition] = try? Watermarks(of: partition, client: client, within: limit.roundedMilliseconds)
        }
        return answers
    }

    /// Creates topics, and waits until the broker has answered for each.
    /// - Parameters:
    ///   - topics: the topics to create.
    ///   - limit: how long to wait for the broker.
    /// - Returns: what became of each, by name.
    /// - Throws: when no broker answers in time, or a topic cannot be expressed.
    public func createTopics(
        _ topics: [NewTopic], within limit: Duration = .seconds(30)
    ) throws(KafkaError) -> [String: TopicCreation] {
        guard !topics.isEmpty else { return [:] }
        let client = try handle.open("create topics")
        let request = try NewTopicsHandle(topics)
        let queue = QueueHandle(of: client)
        request.send(client, queue)
        guard let pointer = rd_kafka_queue_poll(queue.pointer, limit.roundedMilliseconds) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, "create topics")
        }
        let event = EventHandle(pointer: pointer)
        try KafkaError.check(rd_kafka_event_error(event.pointer), "create topics")
        return event.creations()
    }

    /// Frees the client.
    public func close() {
        handle.destroy()
    }
}

extension EventHandle {
    fileprivate func creations() -> [String: TopicCreation] {
        var count = 0
        guard let answer = rd_kafka_event_CreateTopics_result(pointer),
            let results = rd_kafka_CreateTopics_result_topics(answer, &count)
        else { return [:] }
        var creations: [String: TopicCreation] = [:]
        for result in UnsafeBufferPointer(start: results, count: count) {
            guard let result, let name = rd_kafka_topic_result_name(result) else { continue }
            let code = rd_kafka_topic_result_error(result)
            creations[String(cString: name)] =
                switch code {
                case RD_KAFKA_RESP_ERR_NO_ERROR: .created
                case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: .existed
                default: .failed(KafkaError(code, "create topics"))
                }
        }
        return creations
    }
}

/// The body of a creation request.
private struct NewTopicsHandle: ~Copyable {
    private var pointers: [OpaquePointer?] = []

    init(_ topics: [NewTopic]) throws(KafkaError) {
        for topic in topics {
            let pointer = rd_kafka_NewTopic_new(
                topic.name, Int32(clamping: topic.partitions), Int32(clamping: topic.replication), nil, 0)
            guard let pointer else { throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "create topics") }
            pointers.append(pointer)
            for (name, value) in topic.configuration {
                try KafkaError.check(rd_kafka_NewTopic_set_config(pointer, name, value), "create topics")
            }
        }
    }

    borrowing func send(_ client: OpaquePointer, _ queue: borrowing QueueHandle) {
        var copy = pointers
        rd_kafka_CreateTopics(client, &copy, copy.count, nil, queue.pointer)
    }

    deinit {
        for pointer in pointers { rd_kafka_NewTopic_destroy(pointer) }
    }
}
