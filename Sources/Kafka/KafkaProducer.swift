internal import Blocking
internal import CLibrdkafka
import Logging

/// An idempotent producer on a thread of its own.
///
/// A fatal error ends librdkafka's handle, not the producer: what was not delivered is reported as failed, and the next
/// call starts with a new handle. Publishing the failed messages again, in order, is up to the caller.
public actor KafkaProducer {
    private let executor: ThreadExecutor
    private let configuration: ProducerConfiguration
    private let logger: Logger
    private var handle: ClientHandle?

    /// How often a fatal error made a new handle necessary.
    public private(set) var recreations = 0

    /// Runs on the producer's own thread, which librdkafka may block.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Creates the client; the connection comes up in the background.
    /// - Throws: when a property is refused.
    public init(_ configuration: ProducerConfiguration, logger: Logger) throws(KafkaError) {
        self.configuration = configuration
        self.logger = logger
        self.handle = try Self.makeHandle(configuration, logger)
        self.executor = ThreadExecutor(name: "kafka-producer")
    }

    /// Publishes messages and waits until each has its result.
    ///
    /// Order is kept among messages of one partition. A message fails at the latest after the message timeout.
    /// - Returns: one result for each message, in the same order.
    public func publish(_ messages: [OutgoingMessage]) -> [DeliveryResult] {
        guard !messages.isEmpty else { return [] }
        do {
            return try send(messages)
        } catch {
            return Array(repeating: .failed(error), count: messages.count)
        }
    }

    /// Frees the client. Nothing is lost: `publish` does not return before its messages are settled.
    public func close() {
        handle = nil
        isClosed = true
    }

    private var isClosed = false

    /// Makes librdkafka believe in a fatal error, for tests.
    func raiseFatalError() throws(KafkaError) {
        _ = rd_kafka_test_fatal_error(try client(), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "test")
    }
}

// MARK: Sending

extension KafkaProducer {
    /// librdkafka settles each message by the message timeout; this much later we stop believing it.
    private static let grace = Duration.seconds(10)
    private static let stepMilliseconds: Int32 = 100

    private func send(_ messages: [OutgoingMessage]) throws(KafkaError) -> [DeliveryResult] {
        let client = try client()
        let deadline = Deadline(within: .milliseconds(configuration.messageTimeoutMilliseconds) + Self.grace)
        let context = try context()
        context.expectDeliveries(messages.count)
        for (index, message) in messages.enumerated() {
            if let error = enqueue(message, index, client, deadline) { context.deliver(.failed(error), at: index) }
        }
        while context.missingDeliveries > 0, rd_kafka_fatal_error(client, nil, 0) == RD_KAFKA_RESP_ERR_NO_ERROR,
            !deadline.hasPassed
        {
            // Unlike polling, flushing does not wait for more messages to come.
            rd_kafka_flush(client, deadline.nextMilliseconds(atMost: Self.stepMilliseconds))
        }
        return settle(client, context)
    }

    /// Takes the results, and gives up the handle when it is beyond use.
    private func settle(_ client: OpaquePointer, _ context: ClientContext) -> [DeliveryResult] {
        let fatal = rd_kafka_fatal_error(client, nil, 0)
        let isBroken = fatal != RD_KAFKA_RESP_ERR_NO_ERROR || context.missingDeliveries > 0
        if isBroken {
            // Purging turns whatever is left into delivery reports, which the flush takes.
            rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
            rd_kafka_flush(client, Self.stepMilliseconds)
        }
        for error in context.takeErrors() {
            logger.debug("producer reported", metadata: ["code": "\(error.name)"])
        }
        let results = context.takeDeliveries(otherwise: KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, "publish"))
        if isBroken {
            logger.warning("producer recreated", metadata: ["code": "\(KafkaError(fatal, "publish").name)"])
            recreations += 1
            handle = nil
        }
        return results
    }

    private func enqueue(
        _ message: OutgoingMessage, _ index: Int, _ client: OpaquePointer, _ deadline: Deadline
    ) -> KafkaError? {
        while true {
            guard let error = produce(message, index, client) else { return nil }
            guard error.code == RD_KAFKA_RESP_ERR__QUEUE_FULL.rawValue, !deadline.hasPassed else { return error }
            rd_kafka_poll(client, deadline.nextMilliseconds(atMost: Self.stepMilliseconds))
        }
    }

    /// Hands one message to librdkafka, which copies it.
    private func produce(_ message: OutgoingMessage, _ index: Int, _ client: OpaquePointer) -> KafkaError? {
        let headers = HeadersHandle(message.headers)
        let headerList = headers.pointer
        let failure = message.topic.withCString { topic in
            message.key.withMemory { key in
                message.value.withMemory { value in
                    var arguments: [rd_kafka_vu_t] = [
                        .init(vtype: RD_KAFKA_VTYPE_TOPIC, u: .init(cstr: topic)),
                        .init(vtype: RD_KAFKA_VTYPE_PARTITION, u: .init(i32: message.partition ?? Self.anyPartition)),
                        .init(vtype: RD_KAFKA_VTYPE_KEY, u: .init(mem: .init(ptr: key.start, size: key.count))),
                        .init(vtype: RD_KAFKA_VTYPE_VALUE, u: .init(mem: .init(ptr: value.start, size: value.count))),
                        .init(vtype: RD_KAFKA_VTYPE_MSGFLAGS, u: .init(i: RD_KAFKA_MSG_F_COPY)),
                        // Never null, which would look like no opaque value at all.
                        .init(vtype: RD_KAFKA_VTYPE_OPAQUE, u: .init(ptr: .init(bitPattern: index + 1))),
                    ]
                    if let headerList {
                        arguments.append(.init(vtype: RD_KAFKA_VTYPE_HEADERS, u: .init(headers: headerList)))
                    }
                    return rd_kafka_produceva(client, &arguments, arguments.count)
                }
            }
        }
        if let failure { return KafkaError(consuming: failure, "publish") }
        headers.handOver()
        return nil
    }

    private static var anyPartition: Int32 { RD_KAFKA_PARTITION_UA }

    private func client() throws(KafkaError) -> OpaquePointer {
        guard !isClosed else { throw KafkaError.closed("publish") }
        if handle == nil { handle = try Self.makeHandle(configuration, logger) }
        guard let client = try handle?.open("publish") else { throw KafkaError.closed("publish") }
        return client
    }

    private func context() throws(KafkaError) -> ClientContext {
        guard let context = handle?.context else { throw KafkaError.closed("publish") }
        return context
    }

    private static func makeHandle(
        _ configuration: ProducerConfiguration, _ logger: Logger
    ) throws(KafkaError) -> ClientHandle {
        let conf = ConfigurationHandle()
        try conf.set(configuration.settings.properties(clientID: configuration.clientID))
        try conf.set(configuration.defaults.merging(configuration.settings.extra) { $1 })
        try conf.set(configuration.invariants)
        rd_kafka_conf_set_dr_msg_cb(conf.pointer, takeDelivery)
        return try ClientHandle(RD_KAFKA_PRODUCER, configuration: conf, context: ClientContext(logger: logger))
    }
}

/// Runs on the producer's thread, inside a poll or a flush.
private func takeDelivery(
    _ client: OpaquePointer?, _ message: UnsafePointer<rd_kafka_message_t>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let message = message?.pointee, let context = ClientContext.from(opaque) else { return }
    let index = Int(bitPattern: message._private) - 1
    guard message.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
        context.deliver(.failed(KafkaError(message.err, "publish")), at: index)
        return
    }
    let topic = String(cString: rd_kafka_topic_name(message.rkt))
    let partition = TopicPartition(topic: topic, partition: message.partition)
    context.deliver(.delivered(partition, offset: message.offset), at: index)
}

extension Optional<[UInt8]> {
    /// The bytes for librdkafka: a null start is Kafka's null, while no bytes at all need a start that is not null.
    fileprivate func withMemory<Output>(
        _ body: (_ memory: (start: UnsafeMutableRawPointer?, count: Int)) -> Output
    ) -> Output {
        guard let self else { return body((nil, 0)) }
        guard !self.isEmpty else {
            var nothing: UInt8 = 0
            return withUnsafeMutableBytes(of: &nothing) { body(($0.baseAddress, 0)) }
        }
        return self.withUnsafeBytes { body((UnsafeMutableRawPointer(mutating: $0.baseAddress), $0.count)) }
    }
}
