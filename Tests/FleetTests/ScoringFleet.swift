import DevKit
import Events
import Foundation
import Kafka
import Logging
import Postgres

/// Scorers as real processes, with a broker and a database of their own, fed with the same sample traffic every time.
struct ScoringFleet {
    static let events = 3_000
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    private static let startWithin = Duration.seconds(30)
    private static let processedWithin = Duration.seconds(90)

    let fleet: Fleet
    let database: TestDatabase
    let kafka: KafkaSettings
    let broker: ChildProcess

    static func start() async throws -> ScoringFleet {
        let database = try await TestDatabase.fresh()
        let fleet = try Fleet(environment: [
            "DATABASE_URL": database.url, "KAFKA_SESSION_TIMEOUT_MS": "4000", "KAFKA_FETCH_WAIT_MAX_MS": "10",
            "HEALTH_PORT": "0", "AUTO_REGISTER": "on", "DEAD_LETTER_LIMIT": "0", "LOG_LEVEL": "info",
        ])
        let broker = try await fleet.start("tributary", ["broker", "--topics", repository + "/topics"])
        let servers = try await broker.announcement("ready ", within: startWithin)
        return ScoringFleet(
            fleet: fleet, database: database, kafka: KafkaSettings(bootstrapServers: servers), broker: broker)
    }

    func stop() async throws {
        await fleet.stop()
        try await database.drop()
    }

    func startScorer(crashAt: String? = nil) async throws -> ChildProcess {
        var environment = ["KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers]
        environment["TRIBUTARY_CRASH_AT"] = crashAt
        return try await fleet.start("scorer", environment: environment)
    }

    /// Publishes the sample traffic.
    /// - Parameter times: how often each record is sent.
    func publish(times: Int = 1) async throws {
        let lines = ScoringFleet.traffic(events: ScoringFleet.events, seed: 7)
        try await publish(lines.flatMap { line in Array(repeating: ScoringFleet.message(line), count: times) })
    }

    static func traffic(events: Int, seed: UInt64) -> [[UInt8]] {
        var generator = TrafficGenerator(TrafficPlan(events: events, seed: seed))
        return Array(AnyIterator { generator.next() })
    }

    /// A record keyed as a tracking service would.
    static func message(_ line: [UInt8]) -> OutgoingMessage {
        let tree = JSONTree(line[...])
        let key = tree?["affiliate_id"]?.string ?? tree?["order_id"]?.string
        return OutgoingMessage(topic: "conversions.raw", key: key.map { Array($0.utf8) }, value: line)
    }

    func publish(_ messages: [OutgoingMessage]) async throws {
        let producer = try KafkaProducer(
            ProducerConfiguration(settings: kafka, clientID: "fleet-test", messageBytesMaximum: 8 << 20),
            logger: Logger(label: "fleet-test"))
        for case .failed(let error) in await producer.publish(messages) { throw error }
        await producer.close()
    }

    /// Waits until every record is processed and every refund whose order has come is released.
    func waitUntilProcessed(records: Int = ScoringFleet.events) async throws {
        try await wait(for: "every record to be processed", within: ScoringFleet.processedWithin) {
            let processed = try await count(
                "SELECT COALESCE(sum(next_offset), 0)::int8 FROM stream_offset WHERE topic = 'conversions.raw'")
            let waiting = try await count("SELECT count(*) FROM parked_event JOIN conversion USING (conversion_id)")
            return processed == Int64(records) && waiting == 0
        }
    }

    func count(_ statement: Statement) async throws -> Int64 {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(statement) { row in try row.int8(0) }.first ?? 0
        }
    }

    /// What the records came to, whatever died on the way: one line per fact, in order.
    func result() async throws -> [String] {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                """
                SELECT line FROM (
                    SELECT concat_ws(' ', 'event', event_id, kind, affiliate_id, content_hash) AS line FROM event
                    UNION ALL SELECT concat_ws(' ', 'exception', outcome, code, event_id, count(*))
                        FROM intake_exception GROUP BY outcome, code, event_id
                    UNION ALL SELECT concat_ws(' ', 'dead', error_code, count(*)) FROM dead_letter GROUP BY error_code
                    UNION ALL SELECT concat_ws(' ', 'conversion', conversion_id, affiliate_id, amount_minor, click_key)
                        FROM conversion
                    UNION ALL SELECT concat_ws(' ', 'commission', conversion_id, amount_minor, reversed_minor)
                        FROM commission
                    UNION ALL SELECT concat_ws(' ', 'refund', refund_key, amount_minor, reversed_minor) FROM refund
                    UNION ALL SELECT concat_ws(' ', 'balance', affiliate_id, currency, pending + payable - clawback)
                        FROM affiliate_balance
                    UNION ALL SELECT concat_ws(' ', 'score', affiliate_id, program_id, currency, clicks, conversions,
                        refunds, revenue_minor) FROM affiliate_score
                ) facts ORDER BY line
                """
            ) { row in try row.text(0) }
        }
    }

    /// Runs `tributary verify` as an operator would.
    /// - Returns: how it ended, and what it printed.
    func verify() async throws -> (ProcessEnd, String) {
        let child = try await fleet.start(
            "tributary", ["verify"], environment: ["KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers])
        let end = await child.waitForEnd()
        let output = child.output
        await fleet.stop(child)
        return (end, output)
    }
}
