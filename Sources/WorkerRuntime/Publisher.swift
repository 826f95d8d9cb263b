import Kafka
import Logging
import Outbox

/// Step 8: sends outbox rows in the order of their lanes and says how far each lane got.
struct Publisher: Sendable {
    struct Report: Sendable {
        /// By lane, the sequence behind the last row that is on its topic with all before it.
        var publishedUpTo: [Lane: Int64] = [:]
        /// The rows from the first failure of each lane on, to be sent again in order.
        var remaining: [OutboxRow] = []
        var failures: [KafkaError] = []
    }

    /// Rows handed to the producer at once. Few in debug builds, so that a test can stop in between.
    #if DEBUG
        static let chunkRows = 20
    #else
        static let chunkRows = 5_000
    #endif

    private let producer: KafkaProducer

    init(_ producer: KafkaProducer) {
        self.producer = producer
    }

    func publish(_ rows: [OutboxRow]) async -> Report {
        var report = Report()
        var failed: Set<Lane> = []
        for start in stride(from: 0, to: rows.count, by: Publisher.chunkRows) {
            let chunk = rows[start..<min(start + Publisher.chunkRows, rows.count)]
            let results = await producer.publish(chunk.map(Publisher.message))
            for (row, result) in zip(chunk, results) {
                if case .failed(let error) = result {
                    failed.insert(row.lane)
                    report.failures.append(error)
                }
                if failed.contains(row.lane) {
                    report.remaining.append(row)
                } else {
                    report.publishedUpTo[row.lane] = row.sequence + 1
                }
            }
            CrashPoint.hit(.amidPublish)
        }
        if !rows.isEmpty { CrashPoint.hit(.afterPublish) }
        return report
    }

    private static func message(_ row: OutboxRow) -> OutgoingMessage {
        OutgoingMessage(
            topic: row.message.topic, key: row.message.key, value: row.message.payload,
            headers: row.message.headers.map { Header(name: $0.name, value: Array($0.value.utf8)) })
    }
}
