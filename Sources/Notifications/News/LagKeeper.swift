public import Domain
import Events
public import Kafka
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// Looks how far workers are behind in their topics, and tells admins when one is too far behind for too long: once,
/// until it has caught up.
public struct LagKeeper: Service {
    private static let answerWithin = Duration.seconds(5)

    private let admin: KafkaAdmin
    private let pool: PostgresPool
    private let pulse: Pulse
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger

    /// - Parameter admin: closed when the service ends.
    public init(
        admin: KafkaAdmin, pool: PostgresPool, pulse: Pulse = Pulse(every: .seconds(15)),
        clock: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.admin = admin
        self.pool = pool
        self.pulse = pulse
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        try await pulse.run("lag waits", logger) { () throws(PostgresError) in _ = try await runOnce() }
        await admin.close()
    }

    /// - Returns: how many notifications that made.
    public func runOnce() async throws(PostgresError) -> Int {
        let ends: [LagStore.TopicEnd]
        do throws(KafkaError) {
            ends = try await topicEnds()
        } catch {
            // Without a broker nobody knows who is behind; workers say so themselves.
            logger.debug("watermarks failed", metadata: [LogKey.error: "\(error)"])
            return 0
        }
        let now = clock()
        return try await pool.transaction { transaction throws(PostgresError) in
            let episodes = try LagStore.observe(ends, at: now, in: transaction)
            return try NotificationStore.insert(episodes.map(NewNotification.about), at: now, in: transaction)
        }
    }

    private func topicEnds() async throws(KafkaError) -> [LagStore.TopicEnd] {
        let found = try await admin.metadata(within: LagKeeper.answerWithin)
        let partitions = found.filter { TopicName.all.contains($0.name) }.flatMap { topic in
            (0..<topic.partitions).map { TopicPartition(topic: topic.name, partition: Int32($0)) }
        }
        return try await admin.watermarks(partitions, within: LagKeeper.answerWithin).map { partition, watermarks in
            LagStore.TopicEnd(topic: partition.topic, partition: partition.partition, offset: watermarks.high)
        }
    }
}

extension NewNotification {
    static func about(_ lag: LagStore.Episode) -> NewNotification {
        NewNotification(
            .topicLag, event: "\(lag.group) \(lag.topic) \(lag.since.rfc3339)", audience: .admin, affiliateID: nil,
            title: "\(lag.group) is \(lag.records) records behind in \(lag.topic)",
            body: "It has been too far behind since \(lag.since.rfc3339). More of its kind may help it to catch up.",
            link: "/console/topics",
            data: NotificationData.object { writer in
                writer.member("worker_group", lag.group)
                writer.member("topic", lag.topic)
                writer.member("records", lag.records)
                writer.member("since", lag.since.rfc3339)
            })
    }
}
