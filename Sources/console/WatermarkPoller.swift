import ConsoleApp
import Events
import Kafka
import Logging
import ServiceLifecycle
import WorkerRuntime

/// Asks the broker every second how far the fleet's partitions reach, so that no page waits for a broker.
actor WatermarkPoller: Service {
    private static let interval = Duration.seconds(1)
    private static let patience = Duration.seconds(1)
    /// Rounds after which the list of partitions is asked for again.
    private static let roundsPerListing = 30

    private let admin: KafkaAdmin
    private let logger: Logger
    private var partitions: [TopicPartition] = []
    private var rounds = 0
    /// As last heard; empty while the broker does not answer.
    private(set) var known: [PartitionWatermark] = []

    init(admin: KafkaAdmin, logger: Logger) {
        self.admin = admin
        self.logger = logger
    }

    func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.runOnce()
                // Cancelled by the shutdown, which is how this loop ends.
                guard (try? await Task.sleep(for: WatermarkPoller.interval)) != nil else { return }
            }
        }
        await admin.close()
    }

    private func runOnce() async {
        do throws(KafkaError) {
            if partitions.isEmpty || rounds.isMultiple(of: WatermarkPoller.roundsPerListing) {
                partitions = try await listPartitions()
            }
            rounds += 1
            let answers = try await admin.watermarks(partitions, within: WatermarkPoller.patience)
            known = answers.map { partition, watermarks in
                PartitionWatermark(
                    topic: partition.topic, partition: partition.partition, low: watermarks.low, high: watermarks.high)
            }
        } catch {
            known = []
            partitions = []
            logger.debug("watermarks failed", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func listPartitions() async throws(KafkaError) -> [TopicPartition] {
        let topics = try await admin.metadata(within: WatermarkPoller.patience)
        return topics.filter { TopicName.all.contains($0.name) }.flatMap { topic in
            (0..<topic.partitions).map { TopicPartition(topic: topic.name, partition: Int32($0)) }
        }
    }
}
