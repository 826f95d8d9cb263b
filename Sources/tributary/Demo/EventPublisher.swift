import DevKit
import Events
import Kafka
import Postgres

/// Publishes events to `conversions.raw`, never far ahead of the workers.
actor EventPublisher {
    /// Half of what the embedded broker keeps, since lagging stages behind the first add their own.
    private static let backlogBytesMaximum = 2 << 20
    private static let chunkRecords = 1_000
    private static let chunkBytes = 256 << 10
    /// Published between two looks at the positions.
    private static let bytesPerLook = 512 << 10
    /// The largest record that the broker is asked to take.
    private static let messageBytesMaximum = 8 << 20
    /// How long the workers may stand still while we wait for them.
    private static let patience = Duration.seconds(180)

    private(set) var published = 0
    private let producer: KafkaProducer
    private let pool: PostgresPool
    private let downstream: DownstreamBacklog
    private var backlog = Backlog()
    private var chunk: [OutgoingMessage] = []
    private var chunkSize = 0
    private var sizeSinceLook = 0

    init(_ settings: KafkaSettings, pool: PostgresPool) throws {
        producer = try KafkaProducer(
            ProducerConfiguration(
                settings: settings, clientID: "tributary-demo",
                messageBytesMaximum: EventPublisher.messageBytesMaximum), logger: .standardError)
        self.pool = pool
        downstream = try DownstreamBacklog(settings, pool: pool)
    }

    /// Takes a record, and publishes it now or with those that follow.
    func add(_ line: [UInt8]) async throws {
        chunk.append(OutgoingMessage(topic: TopicName.conversionsRaw, key: RecordKey.of(line), value: line))
        chunkSize += line.count
        if chunk.count >= EventPublisher.chunkRecords || chunkSize >= EventPublisher.chunkBytes { try await flush() }
    }

    /// Publishes what was taken.
    func flush() async throws {
        guard !chunk.isEmpty else { return }
        try await keepPace()
        let messages = chunk
        chunk.removeAll(keepingCapacity: true)
        sizeSinceLook += chunkSize
        chunkSize = 0
        for (message, result) in zip(messages, await producer.publish(messages)) {
            switch result {
            case .delivered(let source, let offset):
                backlog.published(source, offset: offset, bytes: message.value?.count ?? 0)
                published += 1
            case .failed(let error): throw error
            }
        }
    }

    func close() async {
        await producer.close()
        await downstream.close()
    }

    /// Waits while any partition, here or behind the next stages, holds too much.
    private func keepPace() async throws {
        guard sizeSinceLook >= EventPublisher.bytesPerLook else { return }
        sizeSinceLook = 0
        try await wait(for: "the workers to catch up", within: EventPublisher.patience, every: .milliseconds(20)) {
            try await self.isCaughtUp()
        }
    }

    private func isCaughtUp() async throws -> Bool {
        let positions = try await pool.transaction { (transaction) throws(PostgresError) in
            try StreamPosition.load(in: transaction)
        }
        var next: [TopicPartition: Int64] = [:]
        for position in positions {
            if let source = position.source, source.topic == TopicName.conversionsRaw {
                next[source] = position.nextOffset
            }
        }
        backlog.processed(next)
        guard backlog.largest <= EventPublisher.backlogBytesMaximum else { return false }
        return try await downstream.largest(positions) <= EventPublisher.backlogBytesMaximum
    }
}
