internal import CLibrdkafka

/// How a member of a consumer group behaves.
public struct ConsumerConfiguration: Sendable {
    /// How to reach the cluster.
    public var settings: KafkaSettings
    /// The consumer group.
    public var group: String
    /// The topics to share out among the group's members.
    public var topics: [String]
    /// The name that brokers show for this client.
    public var clientID: String
    /// A member that is silent for this long loses its partitions, in milliseconds; heartbeats come ten times as often.
    public var sessionTimeoutMilliseconds: Int
    /// How long a broker may hold back an empty answer, in milliseconds.
    public var fetchWaitMilliseconds: Int

    /// - Parameters:
    ///   - settings: how to reach the cluster.
    ///   - group: the consumer group.
    ///   - topics: the topics to share out among the group's members.
    ///   - clientID: the name that brokers show for this client.
    ///   - sessionTimeoutMilliseconds: silence after which partitions move on, in milliseconds.
    ///   - fetchWaitMilliseconds: how long a broker may hold back an empty answer, in milliseconds.
    public init(
        settings: KafkaSettings, group: String, topics: [String], clientID: String,
        sessionTimeoutMilliseconds: Int = 30_000, fetchWaitMilliseconds: Int = 100
    ) {
        self.settings = settings
        self.group = group
        self.topics = topics
        self.clientID = clientID
        self.sessionTimeoutMilliseconds = sessionTimeoutMilliseconds
        self.fetchWaitMilliseconds = fetchWaitMilliseconds
    }

    /// What an operator may tune through `KafkaSettings.extra`.
    var defaults: [String: String] {
        var defaults = [
            "session.timeout.ms": String(sessionTimeoutMilliseconds),
            "heartbeat.interval.ms": String(max(1, sessionTimeoutMilliseconds / 10)),
            "max.poll.interval.ms": "300000",
            "fetch.wait.max.ms": String(fetchWaitMilliseconds),
            // Bounds the memory of a paused or slow consumer, and keeps what a pause throws away small.
            "queued.max.messages.kbytes": "32768",
            // Not a second bound: both count all partitions together, and a full queue stops fetching for a second.
            "queued.min.messages": "100000",
        ]
        if Self.canShortenBackoff { defaults["fetch.queue.backoff.ms"] = "10" }
        return defaults
    }

    /// From librdkafka 2.2 on, the pause of a full queue can be set.
    private static var canShortenBackoff: Bool { rd_kafka_version() >= 0x0202_0000 }

    /// What correctness rests on: the database owns the position, and nothing may move it silently.
    var invariants: [String: String] {
        [
            "group.id": group,
            "enable.auto.commit": "false",
            "enable.auto.offset.store": "false",
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            // Eager on purpose: cooperative rebalancing loses assignments before librdkafka 2.10.
            "partition.assignment.strategy": "range,roundrobin",
            "allow.auto.create.topics": "false",
        ]
    }
}
