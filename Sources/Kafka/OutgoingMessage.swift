/// A message to publish.
public struct OutgoingMessage: Sendable {
    /// The topic to publish to.
    public var topic: String
    /// The key's bytes; nil is Kafka's null.
    public var key: [UInt8]?
    /// The value's bytes; nil is Kafka's null.
    public var value: [UInt8]?
    /// The headers in order.
    public var headers: [Header]
    /// The partition to publish to; nil lets the key decide.
    public var partition: Int32?

    /// - Parameters:
    ///   - topic: the topic to publish to.
    ///   - key: the key's bytes, nil for null.
    ///   - value: the value's bytes, nil for null.
    ///   - headers: the headers in order.
    ///   - partition: the partition to publish to; nil lets the key decide.
    public init(
        topic: String, key: [UInt8]?, value: [UInt8]?, headers: [Header] = [], partition: Int32? = nil
    ) {
        self.topic = topic
        self.key = key
        self.value = value
        self.headers = headers
        self.partition = partition
    }
}

/// What became of one message.
public enum DeliveryResult: Sendable, Equatable {
    /// The broker acknowledged the message there.
    case delivered(TopicPartition, offset: Int64)
    /// The message is not known to be in the log. After a timeout or a purge it may be there all the same.
    case failed(KafkaError)
}
