import DevKit
import Events
import Kafka

/// `conversions.raw`, full and at rest.
struct BenchTopic: Sendable {
    /// Handed to the producer at once: large batches are stored as they are, and read as they were stored.
    private static let chunkRecords = 20_000

    /// The first and last offsets of each partition.
    let ends: [TopicPartition: Watermarks]
    /// Bytes of the records' values.
    let bytes: Int

    var records: Int { ends.values.reduce(0) { $0 + Int($1.high - $1.low) } }

    /// Publishes the traffic of `plan`, keyed as a tracking service would.
    /// - Throws: `BenchError` if the topic has records already, or the broker did not keep all.
    static func fill(_ kafka: KafkaSettings, _ plan: TrafficPlan) async throws -> BenchTopic {
        let admin = try KafkaAdmin(kafka, clientID: "tributary-bench", logger: .standardError)
        let topics = try await admin.metadata().filter { $0.name == TopicName.conversionsRaw }
        let partitions = topics.flatMap { topic in
            (0..<Int32(topic.partitions)).map { TopicPartition(topic: topic.name, partition: $0) }
        }
        let before = try await admin.watermarks(partitions)
        guard before.values.allSatisfy({ $0.low == $0.high }) else { throw BenchError.topicNotEmpty }
        let bytes = try await publish(kafka, plan)
        let topic = BenchTopic(ends: try await admin.watermarks(partitions), bytes: bytes)
        await admin.close()
        guard topic.records == plan.events else { throw BenchError.eventsDropped(kept: topic.records) }
        return topic
    }

    private static func publish(_ kafka: KafkaSettings, _ plan: TrafficPlan) async throws -> Int {
        let producer = try KafkaProducer(
            ProducerConfiguration(settings: kafka, clientID: "tributary-bench"), logger: .standardError)
        var plan = plan
        // Records that no rule accepts cost little, and dead letters are no part of a throughput.
        plan.badInput = false
        var generator = TrafficGenerator(plan)
        var bytes = 0
        var isAtEnd = false
        while !isAtEnd {
            var messages: [OutgoingMessage] = []
            while messages.count < chunkRecords, let line = generator.next() {
                bytes += line.count
                messages.append(OutgoingMessage(topic: TopicName.conversionsRaw, key: RecordKey.of(line), value: line))
            }
            isAtEnd = messages.count < chunkRecords
            for case .failed(let error) in await producer.publish(messages) { throw error }
        }
        await producer.close()
        return bytes
    }
}

/// Why there is nothing to report.
enum BenchError: Error, CustomStringConvertible {
    case topicNotEmpty
    case eventsDropped(kept: Int)
    case scorerEnded(ProcessEnd, output: String)
    case otherRows(Int64, expected: Int64)
    case unreadableTimes

    var description: String {
        switch self {
        case .topicNotEmpty: "conversions.raw has records: the bench needs a topic to itself"
        case .eventsDropped(let kept): "the broker kept only \(kept) events: measure fewer with --events"
        case .scorerEnded(let end, let output): "the scorer ended (\(end)); its last words:\n\(output)"
        case .otherRows(let rows, let expected): "the scorer left \(rows) rows instead of \(expected)"
        case .unreadableTimes: "psql did not say when it began and ended"
        }
    }
}
