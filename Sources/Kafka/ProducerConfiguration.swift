/// How messages are sent.
public struct ProducerConfiguration: Sendable {
    /// How to reach the cluster.
    public var settings: KafkaSettings
    /// The name that brokers show for this client.
    public var clientID: String
    /// A message that is not acknowledged for this long has failed, in milliseconds.
    public var messageTimeoutMilliseconds: Int
    /// How long a message may wait for company, in milliseconds.
    public var lingerMilliseconds: Int
    /// The longest message accepted, in bytes; must not exceed the broker's own limit.
    public var messageBytesMaximum: Int

    /// - Parameters:
    ///   - settings: how to reach the cluster.
    ///   - clientID: the name that brokers show for this client.
    ///   - messageTimeoutMilliseconds: time after which a message has failed, in milliseconds.
    ///   - lingerMilliseconds: how long a message may wait for company, in milliseconds.
    ///   - messageBytesMaximum: the longest message accepted, in bytes.
    public init(
        settings: KafkaSettings, clientID: String, messageTimeoutMilliseconds: Int = 120_000,
        lingerMilliseconds: Int = 5, messageBytesMaximum: Int = 1_000_000
    ) {
        self.settings = settings
        self.clientID = clientID
        self.messageTimeoutMilliseconds = messageTimeoutMilliseconds
        self.lingerMilliseconds = lingerMilliseconds
        self.messageBytesMaximum = messageBytesMaximum
    }

    /// What an operator may tune through `KafkaSettings.extra`.
    var defaults: [String: String] {
        [
            "message.timeout.ms": String(messageTimeoutMilliseconds),
            "message.max.bytes": String(messageBytesMaximum),
            "linger.ms": String(lingerMilliseconds),
            "compression.type": "lz4",
        ]
    }

    /// What correctness rests on: no message twice by a retry, none before an earlier one, keys where Java puts them.
    var invariants: [String: String] {
        [
            "enable.idempotence": "true",
            "acks": "all",
            "partitioner": "murmur2_random",
        ]
    }
}
