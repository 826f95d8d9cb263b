internal import Blocking
internal import CLibrdkafka
import Logging

/// A member of a consumer group on a thread of its own.
///
/// The group only says which partitions are ours: the position comes from `assign`, and `poll` never jumps over a gap.
/// A rebalance is recorded inside librdkafka's callback and answered later, between two polls, by `assign` or
/// `unassign`.
public actor KafkaConsumer {
    private let executor: ThreadExecutor
    private var handle: ClientHandle
    private var isClosed = false
    private let logger: Logger
    /// The size of the last batch is the best guess for the next one's buffer.
    private var expectedBytes = 0

    /// Runs on the consumer's own thread, which librdkafka may block.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Creates the client and joins the group; the connection comes up in the background.
    ///
    /// Without topics it joins nothing, and reads what `assign` says: for looking at a topic beside its readers.
    /// - Throws: when a property is refused.
    public init(_ configuration: ConsumerConfiguration, logger: Logger) throws(KafkaError) {
        let conf = ConfigurationHandle()
        try conf.set(configuration.settings.properties(clientID: configuration.clientID))
        try conf.set(configuration.defaults.merging(configuration.settings.extra) { $1 })
        try conf.set(configuration.invariants)
        rd_kafka_conf_set_rebalance_cb(conf.pointer, takeRebalance)
        let handle = try ClientHandle(
            RD_KAFKA_CONSUMER, configuration: conf, context: ClientContext(logger: logger))
        let client = try handle.open("subscribe")
        try KafkaError.check(rd_kafka_poll_set_consumer(client), "subscribe")
        if !configuration.topics.isEmpty {
            let topics = PartitionListHandle(topics: configuration.topics)
            try KafkaError.check(rd_kafka_subscribe(client, topics.pointer), "subscribe")
        }
        self.handle = handle
        self.logger = logger
        self.executor = ThreadExecutor(name: "kafka-consumer")
    }

    /// Waits for messages, and takes those that are there.
    ///
    /// Returns at once when the group changes hands (then without records: their partitions are being taken away, and
    /// whoever gets them starts where the database says) or when the client reports an error.
    /// - Parameters:
    ///   - maximum: the most records to return.
    ///   - maximumBytes: no further record is taken once keys and values have this size.
    ///   - limit: how long to wait for records in all; zero takes what is already here.
    /// - Throws: when the consumer is closed.
    public func poll(maximum: Int, maximumBytes: Int, within limit: Duration) throws(KafkaError) -> Poll {
        let client = try open("poll")
        let deadline = Deadline(within: limit)
        var poll = Poll()
        var collector = RecordCollector(expectedBytes: min(expectedBytes, maximumBytes))
        while collector.count < maximum, collector.bytes < maximumBytes {
            guard let message = nextMessage(client, deadline) else { break }
            let code = message.pointer.pointee.err
            guard code != RD_KAFKA_RESP_ERR_NO_ERROR else {
                collector.append(message)
                continue
            }
            if code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET {
                poll.outOfRange.append(collector.source(of: message))
            } else {
                poll.errors.append(KafkaError(code, "poll"))
            }
            break
        }
        poll.rebalance = handle.context.takeRebalance()
        poll.errors += handle.context.takeErrors()
        expectedBytes = collector.bytes
        if poll.rebalance == nil { poll.records = collector.records() }
        return poll
    }

    /// Answers `.assigned`: reading starts exactly at these offsets. Partitions that are left out stay unread.
    /// - Parameter offsets: the first offset to read, by partition.
    /// - Throws: when librdkafka refuses the assignment or the consumer is closed.
    public func assign(_ offsets: [TopicPartition: Int64]) throws(KafkaError) {
        let client = try open("assign")
        let list = PartitionListHandle(offsets)
        try KafkaError.check(rd_kafka_assign(client, list.pointer), "assign")
    }

    /// Answers `.revoked`: nothing is read until the next assignment.
    /// - Throws: when librdkafka refuses or the consumer is closed.
    public func unassign() throws(KafkaError) {
        try KafkaError.check(rd_kafka_assign(try open("unassign"), nil), "unassign")
    }

    /// Stops reading these partitions and drops what was fetched of them; they stay ours.
    /// - Throws: when the consumer is closed.
    public func pause(_ partitions: [TopicPartition]) throws(KafkaError) {
        let list = PartitionListHandle(partitions)
        try KafkaError.check(rd_kafka_pause_partitions(try open("pause"), list.pointer), "pause")
    }

    /// Goes on reading paused partitions behind the last record that `poll` returned.
    /// - Throws: when the consumer is closed.
    public func resume(_ partitions: [TopicPartition]) throws(KafkaError) {
        let list = PartitionListHandle(partitions)
        try KafkaError.check(rd_kafka_resume_partitions(try open("resume"), list.pointer), "resume")
    }

    /// Goes on reading a partition at another offset.
    /// - Parameters:
    ///   - partition: an assigned partition.
    ///   - offset: the next offset to read.
    /// - Throws: when the partition is not ours or the consumer is closed.
    public func seek(_ partition: TopicPartition, to offset: Int64) throws(KafkaError) {
        let client = try open("seek")
        let list = PartitionListHandle([partition: offset])
        if let error = rd_kafka_seek_partitions(client, list.pointer, Self.answerMilliseconds) {
            throw KafkaError(consuming: error, "seek")
        }
        try KafkaError.check(list.pointer.pointee.elems.pointee.err, "seek")
    }

    /// Copies our position to Kafka for the eyes of other tools; it is never read back, so failures are ignored.
    /// - Parameters:
    ///   - offsets: the next offset to read, by partition.
    ///   - metadata: a short note stored with it.
    public func mirrorCommit(_ offsets: [TopicPartition: Int64], metadata: String) {
        guard !offsets.isEmpty, let client = try? open("commit") else { return }
        let list = PartitionListHandle(offsets)
        for index in 0..<Int(list.pointer.pointee.cnt) {
            list.pointer.pointee.elems[index].setMetadata(metadata)
        }
        _ = rd_kafka_commit(client, list.pointer, 1)
    }

    /// Asks the broker for a partition's first offset and for the one behind its last.
    /// - Throws: when no answer comes in five seconds.
    public func watermarks(_ partition: TopicPartition) throws(KafkaError) -> Watermarks {
        try Watermarks(of: partition, client: try open("watermarks"), within: Self.answerMilliseconds)
    }

    /// Leaves the group, waiting for the coordinator at most that long.
    ///
    /// When it does not answer, the group takes our partitions after the session timeout instead.
    public func close(within limit: Duration) {
        guard !isClosed, let client = try? open("close") else { return }
        isClosed = true
        if leave(client, Deadline(within: limit)) {
            handle.destroy()
        } else {
            logger.warning("consumer left the group without an answer")
        }
    }

    /// Every call that waits for one answer of a broker waits this long.
    private static let answerMilliseconds: Int32 = 5_000

    private func open(_ operation: String) throws(KafkaError) -> OpaquePointer {
        guard !isClosed else { throw KafkaError.closed(operation) }
        return try handle.open(operation)
    }

    /// Looks at the clock only when nothing is waiting.
    private func nextMessage(_ client: OpaquePointer, _ deadline: Deadline) -> MessageHandle? {
        if let message = rd_kafka_consumer_poll(client, 0) { return MessageHandle(pointer: message) }
        while !handle.context.hasNews {
            let milliseconds = deadline.remainingMilliseconds
            guard milliseconds > 0 else { return nil }
            if let message = rd_kafka_consumer_poll(client, milliseconds) { return MessageHandle(pointer: message) }
        }
        return nil
    }

    /// The asynchronous close is the only one that cannot hang in a stuck rebalance.
    private func leave(_ client: OpaquePointer, _ deadline: Deadline) -> Bool {
        let queue = QueueHandle(of: client)
        if let error = rd_kafka_consumer_close_queue(client, queue.pointer) {
            logger.warning("consumer close failed", metadata: ["code": "\(KafkaError(consuming: error, "close").name)"])
            return true
        }
        while rd_kafka_consumer_closed(client) == 0 {
            if deadline.hasPassed { return false }
            // Serving the queue without taking messages would abort the process at the first one still waiting in it.
            if let message = rd_kafka_consume_queue(queue.pointer, deadline.nextMilliseconds(atMost: 20)) {
                _ = MessageHandle(pointer: message)
            }
            if handle.context.takeRebalance() != nil { rd_kafka_assign(client, nil) }
        }
        return true
    }
}

extension rd_kafka_topic_partition_t {
    /// The list frees the copy.
    fileprivate mutating func setMetadata(_ text: String) {
        let size = text.utf8.count
        let copy = rd_kafka_mem_malloc(nil, size + 1)
        text.withCString { copy?.copyMemory(from: $0, byteCount: size + 1) }
        metadata = copy
        metadata_size = size
    }
}

/// Runs on the consumer's thread inside a poll; returns from that poll, so that the answer is not late.
private func takeRebalance(
    _ client: OpaquePointer?, _ code: rd_kafka_resp_err_t,
    _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let client, let context = ClientContext.from(opaque) else { return }
    let partitions = list?.pointee.partitions ?? []
    if code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
        context.record(.assigned(partitions))
    } else {
        // Any other code is an error of the group, and what we held is as good as lost.
        let isOrderly = code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS && rd_kafka_assignment_lost(client) == 0
        context.record(.revoked(partitions, lost: !isOrderly))
    }
    rd_kafka_yield(client)
}

extension rd_kafka_topic_partition_list_t {
    fileprivate var partitions: [TopicPartition] {
        UnsafeBufferPointer(start: elems, count: Int(cnt)).map {
            TopicPartition(topic: String(cString: $0.topic), partition: $0.partition)
        }
    }
}
