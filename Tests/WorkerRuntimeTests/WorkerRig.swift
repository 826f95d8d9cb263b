import DevKit
import Domain
import Kafka
import Logging
import Postgres

@testable import WorkerRuntime

/// A database, topics of its own and the echo stage; workers are turned by hand.
struct WorkerRig {
    static let now = Timestamp(secondsSinceEpoch: 1_793_534_400)
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let within = Duration.seconds(30)

    let database: TestDatabase
    let broker: TestBroker
    let topic: String
    let output: String
    let group: String
    let journal = Journal()

    /// - Parameter registered: the partitions that the group has a position in.
    static func with(
        partitions: Int = 1, registered: Int? = nil, _ body: (WorkerRig) async throws -> Void
    ) async throws {
        let broker = try TestBroker.mock()
        let topic = try await broker.createTopic(partitions: partitions)
        try await broker.mock?.createTopic(topic + ".dlq", partitions: 1)
        let output = try await broker.createTopic()
        try await TestDatabase.with { database in
            let rig = WorkerRig(
                database: database, broker: broker, topic: topic, output: output, group: broker.freshName("group"))
            try await rig.run(
                """
                CREATE TABLE echo (n bigint GENERATED ALWAYS AS IDENTITY, partition int NOT NULL,
                    line text NOT NULL CHECK (line NOT LIKE 'poison%'))
                """)
            try await rig.run("CREATE TABLE echo_key (key text PRIMARY KEY)")
            let lows = (0..<Int32(registered ?? partitions)).map { ($0, Int64(0)) }
            try await database.pool.transaction { (transaction) throws(PostgresError) in
                try StreamStore.register(
                    group: rig.group, topic: topic, lowWatermarks: Dictionary(uniqueKeysWithValues: lows),
                    in: transaction)
            }
            try await body(rig)
        }
    }

    func worker(
        major: Int64 = 1, pool: PostgresPool? = nil, _ change: (inout WorkerSettings) -> Void = { _ in }
    ) throws -> TurnedWorker {
        var settings = WorkerSettings(owner: "test")
        change(&settings)
        return try TurnedWorker(self, settings, pool: pool ?? database.pool, major: major)
    }

    func publish(_ lines: [String], partition: Int32 = 0) async throws {
        var settings = broker.settings
        // So that what is large here is large there.
        settings.extra["compression.type"] = "none"
        let producer = try KafkaProducer(
            ProducerConfiguration(settings: settings, clientID: "test"), logger: WorkerRig.logger)
        let messages = lines.map {
            OutgoingMessage(topic: topic, key: Array("k".utf8), value: Array($0.utf8), partition: partition)
        }
        for case .failed(let error) in await producer.publish(messages) { throw error }
        await producer.close()
    }

    func producer() throws -> KafkaProducer {
        try KafkaProducer(
            ProducerConfiguration(settings: broker.settings, clientID: "test"), logger: WorkerRig.logger)
    }

    /// Everything that is on a topic's only partition.
    func records(_ topic: String) async throws -> [Record] {
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(
                settings: broker.settings, group: "reader", topics: [], clientID: "test", fetchWaitMilliseconds: 10),
            logger: WorkerRig.logger)
        let source = TopicPartition(topic: topic, partition: 0)
        let end = try await consumer.watermarks(source).high
        var records: [Record] = []
        guard end > 0 else { return [] }
        try await consumer.assign([source: 0])
        try await wait(for: "\(end) records of \(topic)", within: WorkerRig.within, every: .milliseconds(1)) {
            records += try await consumer.poll(maximum: 10_000, maximumBytes: 1 << 24, within: .milliseconds(100))
                .records
            return records.count >= end
        }
        await consumer.close(within: .seconds(5))
        return records
    }

    func lines(_ topic: String) async throws -> [String] {
        try await records(topic).map { String(decoding: $0.value ?? [], as: UTF8.self) }
    }

    func run(_ statement: Statement) async throws {
        try await database.pool.transaction { (transaction) throws(PostgresError) in _ = try transaction.run(statement)
        }
    }

    /// The first column of every row.
    func texts(_ statement: Statement) async throws -> [String] {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(statement) { row in try row.text(0) }
        }
    }

    var echoed: [String] {
        get async throws { try await texts("SELECT line FROM echo ORDER BY n") }
    }

    /// Each partition's next offset, mode and reason to hold it.
    var positions: [String] {
        get async throws {
            try await texts(
                """
                SELECT concat_ws(' ', COALESCE(next_offset, -1), mode, hold_reason) FROM stream_offset
                WHERE topic <> '' ORDER BY partition
                """)
        }
    }

    /// What an operator does to let held partitions go.
    func releaseHolds() async throws {
        try await run(
            """
            UPDATE stream_offset SET mode = 'run', hold_reason = NULL, hold_detail = NULL,
                next_offset = COALESCE(next_offset, 0) WHERE mode = 'held'
            """)
    }
}

/// A worker whose turns a test makes.
struct TurnedWorker {
    let worker: Worker<EchoStage>
    let consumer: KafkaConsumer
    let producer: KafkaProducer
    let health = Health()
    let metrics = Metrics()

    init(_ rig: WorkerRig, _ settings: WorkerSettings, pool: PostgresPool, major: Int64) throws {
        consumer = try KafkaConsumer(
            ConsumerConfiguration(
                settings: rig.broker.settings, group: rig.group, topics: [rig.topic], clientID: "test",
                sessionTimeoutMilliseconds: 6_000, fetchWaitMilliseconds: 10), logger: WorkerRig.logger)
        producer = try rig.producer()
        worker = Worker(
            stage: EchoStage(
                name: rig.group, topics: [rig.topic], output: rig.output, journal: rig.journal, major: major),
            settings: settings, pool: pool, consumer: consumer, producer: producer, health: health, metrics: metrics,
            logger: WorkerRig.logger, clock: { WorkerRig.now })
        health.unready("start", nil)
    }

    /// Makes turns until something is true.
    func turn(
        until awaited: String, within limit: Duration = .seconds(30), _ isDone: () async throws -> Bool
    ) async throws {
        try await wait(for: awaited, within: limit, every: .milliseconds(1)) {
            if try await isDone() { return true }
            try await worker.runOnce()
            return false
        }
    }

    /// Makes turns until everything of the first partitions is committed and published.
    func turn(_ rig: WorkerRig, to offsets: [Int64]) async throws {
        try await turn(until: "the partitions to stand at \(offsets)") {
            try await rig.texts(
                """
                SELECT concat_ws(' ', next_offset, next_out_seq - published_upto) FROM stream_offset
                WHERE topic <> '' ORDER BY partition
                """) == offsets.map { "\($0) 0" }
        }
    }

    /// Leaves in good order.
    func end() async {
        await worker.drain()
        await producer.close()
    }

    /// Leaves the group without a word to the database, as a process does that is killed.
    func die() async {
        await consumer.close(within: .seconds(5))
        await producer.close()
    }
}
