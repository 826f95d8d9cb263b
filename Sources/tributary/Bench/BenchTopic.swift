import DevKit
import Events
import Kafka

/// A topic, full and at rest.
struct BenchTopic: Sendable {
    /// Handed to the producer at once: large batches are stored as they are, and read as they were stored.
    private static let chunkRecords = 20_000

    /// The first and last offsets of each partition.
    let ends: [TopicPartition: Watermarks]
    /// Bytes of the records' values.
    let bytes: Int

    var records: Int { ends.values.reduce(0) { $0 + Int($1.high - $1.low) } }

    /// Fills `conversions.raw` with the traffic of `plan`, keyed as a tracking service would.
    /// - Throws: `BenchError` if the topic has records already, or the broker did not keep all.
    static func fill(_ kafka: KafkaSettings, _ plan: TrafficPlan) async throws -> BenchTopic {
        let before = try await ends(kafka, of: TopicName.conversionsRaw)
        guard before.values.allSatisfy({ $0.low == $0.high }) else { throw BenchError.topicNotEmpty }
        let bytes = try await publish(kafka, plan)
        let topic = BenchTopic(ends: try await ends(kafka, of: TopicName.conversionsRaw), bytes: bytes)
        guard topic.records == plan.events else { throw BenchError.eventsDropped(kept: topic.records) }
        return topic
    }

    /// - Throws: `BenchError` if the broker did not keep all that was ever published on the topic.
    static func found(_ kafka: KafkaSettings, _ name: String, bytes: Int) async throws -> BenchTopic {
        let topic = BenchTopic(ends: try await ends(kafka, of: name), bytes: bytes)
        guard topic.ends.values.allSatisfy({ $0.low == 0 }) else { throw BenchError.eventsDropped(kept: topic.records) }
        return topic
    }

    private static func ends(_ kafka: KafkaSettings, of name: String) async throws -> [TopicPartition: Watermarks] {
        let admin = try KafkaAdmin(kafka, clientID: "tributary-bench", logger: .standardError)
        let topics = try await admin.metadata().filter { $0.name == name }
        let partitions = topics.flatMap { topic in
            (0..<Int32(topic.partitions)).map { TopicPartition(topic: topic.name, partition: $0) }
        }
        let ends = try await admin.watermarks(partitions)
        await admin.close()
        return ends
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
    case workerEnded(String, ProcessEnd, output: String)
    case otherRows(String, Int64, expected: Int64)
    case unreadableTimes

    var description: String {
        switch self {
        case .topicNotEmpty: "conversions.raw has records: the bench needs a topic to itself"
        case .eventsDropped(let kept): "the broker kept only \(kept) events: measure fewer with --events"
        case .workerEnded(let worker, let end, let output): "the \(worker) ended (\(end)); its last words:\n\(output)"
        case .otherRows(let worker, let rows, let expected): "the \(worker) left \(rows) rows instead of \(expected)"
        case .unreadableTimes: "psql did not say when it began and ended"
        }
    }
}
