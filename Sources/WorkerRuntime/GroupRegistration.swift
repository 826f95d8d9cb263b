import Kafka
import Logging
import Postgres
import ServiceLifecycle

/// Gives a new worker group its first positions, before it joins.
struct GroupRegistration: Sendable {
    let group: String
    let topics: [String]
    let pool: PostgresPool
    let settings: KafkaSettings
    let health: Health
    /// How long broker and database may stay away.
    let dependencyWithin: Duration
    let logger: Logger

    /// Tries until broker and database answer, or the task is cancelled.
    ///
    /// - Throws: `WorkerFailure.dependencyDown` once they stayed away for too long.
    func run() async throws {
        let admin = try KafkaAdmin(settings, clientID: "\(group)-registration", logger: logger)
        var wanted = topics
        var pause: Duration = .milliseconds(100)
        let began = ContinuousClock.now
        while !wanted.isEmpty, !Task.isCancelled {
            do {
                wanted = try await registered(wanted, admin)
            } catch {
                logger.warning("registration failed", metadata: [LogKey.error: "\(error)"])
            }
            guard !wanted.isEmpty else { break }
            guard ContinuousClock.now - began < dependencyWithin else { throw WorkerFailure.dependencyDown }
            // Waiting is no reason to be ended and started again.
            health.turned()
            // A cancelled sleep ends the loop by its condition.
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(5))
        }
        await admin.close()
    }

    /// - Returns: the topics that the broker does not have yet.
    private func registered(_ wanted: [String], _ admin: KafkaAdmin) async throws -> [String] {
        let described = try await admin.metadata().filter { wanted.contains($0.name) && $0.partitions > 0 }
        for topic in described {
            let partitions = (0..<Int32(topic.partitions)).map { TopicPartition(topic: topic.name, partition: $0) }
            let ends = try await admin.watermarks(partitions)
            guard ends.count == partitions.count else { return wanted }
            let lows = Dictionary(uniqueKeysWithValues: ends.map { ($0.key.partition, $0.value.low) })
            let group = group
            try await pool.transaction { (transaction) throws(PostgresError) in
                try StreamStore.register(group: group, topic: topic.name, lowWatermarks: lows, in: transaction)
            }
        }
        return wanted.filter { name in !described.contains { $0.name == name } }
    }
}

/// A worker behind its registration.
struct WorkerService<WorkerStage: Stage>: Service {
    let registration: GroupRegistration
    let worker: Worker<WorkerStage>

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await registration.run() }
        try await worker.run()
    }
}
