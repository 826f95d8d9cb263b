import DevKit
import Kafka
import Logging

/// A consumer that answers every rebalance, the way a worker does, from a table of offsets.
struct GroupMember {
    let consumer: KafkaConsumer
    private(set) var owned: Set<TopicPartition> = []
    private(set) var seen: [Record] = []
    private(set) var outOfRange: [TopicPartition] = []
    private(set) var errors: [KafkaError] = []
    private let start: @Sendable (TopicPartition) -> Int64

    init(
        _ broker: TestBroker, topic: String, group: String,
        from start: @escaping @Sendable (TopicPartition) -> Int64 = { _ in 0 }
    ) throws {
        // Six seconds are the least that a real broker accepts.
        let configuration = ConsumerConfiguration(
            settings: broker.settings, group: group, topics: [topic], clientID: "test",
            sessionTimeoutMilliseconds: 6_000, fetchWaitMilliseconds: 10)
        consumer = try KafkaConsumer(configuration, logger: quiet)
        self.start = start
    }

    /// Polls once and answers what must be answered.
    @discardableResult
    mutating func step(maximum: Int = 1_000, within limit: Duration = .milliseconds(200)) async throws -> Poll {
        let poll = try await consumer.poll(maximum: maximum, maximumBytes: 1 << 20, within: limit)
        switch poll.rebalance {
        case .assigned(let partitions):
            owned = Set(partitions)
            try await consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, start($0)) }))
        case .revoked:
            owned = []
            try await consumer.unassign()
        case nil:
            break
        }
        seen += poll.records
        outOfRange += poll.outOfRange
        errors += poll.errors
        return poll
    }

    /// Polls until something is true, and says whether it became true in time.
    mutating func poll(
        within limit: Duration = .seconds(30), until isDone: (GroupMember) -> Bool
    ) async throws -> Bool {
        let end = ContinuousClock.now + limit
        while !isDone(self) {
            guard ContinuousClock.now < end else { return false }
            try await step()
        }
        return true
    }
}

/// What clients of a broken broker have to say is no part of a test's result.
let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
}()

extension TestBroker {
    func producer(
        messageTimeoutMilliseconds: Int = 30_000, messageBytesMaximum: Int = 1_000_000
    ) throws -> KafkaProducer {
        try KafkaProducer(
            ProducerConfiguration(
                settings: settings, clientID: "test", messageTimeoutMilliseconds: messageTimeoutMilliseconds,
                messageBytesMaximum: messageBytesMaximum),
            logger: quiet)
    }

    func admin() throws -> KafkaAdmin {
        try KafkaAdmin(settings, clientID: "test", logger: quiet)
    }
}

/// Numbered messages for one partition.
func numbered(_ range: Range<Int>, topic: String, partition: Int32 = 0) -> [OutgoingMessage] {
    range.map { OutgoingMessage(topic: topic, key: nil, value: Array("\($0)".utf8), partition: partition) }
}

extension Record {
    var text: String? { value.map { String(decoding: $0, as: UTF8.self) } }
}

extension DeliveryResult {
    var error: KafkaError? {
        guard case .failed(let error) = self else { return nil }
        return error
    }
}
