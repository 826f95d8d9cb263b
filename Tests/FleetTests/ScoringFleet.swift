import DevKit
import Domain
import Events
import Foundation
import Kafka
import Logging
import Postgres
import Storage

/// Scorers as real processes, with a broker and a database of their own, fed with the same traffic every time.
struct ScoringFleet {
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    static let startWithin = Duration.seconds(30)
    /// Long enough for three rebalances of the embedded broker on a busy machine.
    static let turnWithin = Duration.seconds(40)
    /// How long scorers may take for so many records.
    static func processedWithin(_ records: Int) -> Duration { .seconds(90 + records / 100) }

    let fleet: Fleet
    let database: TestDatabase
    let kafka: KafkaSettings
    let broker: ChildProcess

    /// - Parameters:
    ///   - database: nil for a fresh one of the shared cluster.
    ///   - programmes: by id.
    static func start(
        on database: TestDatabase? = nil, with programmes: [String: NaiveRecomputation.Programme] = usualProgrammes
    ) async throws -> ScoringFleet {
        let database = if let database { database } else { try await TestDatabase.fresh() }
        let fleet = try Fleet(environment: [
            "DATABASE_URL": database.url, "KAFKA_SESSION_TIMEOUT_MS": "4000", "KAFKA_FETCH_WAIT_MAX_MS": "10",
            "HEALTH_PORT": "0", "AUTO_REGISTER": "on", "DEAD_LETTER_LIMIT": "0", "LOG_LEVEL": "info",
            // Many batches, so that a fault has one before it and one after it.
            "BATCH_RECORDS": "200",
        ])
        try await register(programmes, in: database.pool)
        let broker = try await fleet.start("tributary", ["broker", "--topics", repository + "/topics"])
        let servers = try await broker.announcement("ready ", within: startWithin)
        return ScoringFleet(
            fleet: fleet, database: database, kafka: KafkaSettings(bootstrapServers: servers), broker: broker)
    }

    /// A programme that a click registers has no currency of its own: whichever record is first would decide it.
    static let usualProgrammes = Dictionary(
        uniqueKeysWithValues: TrafficGenerator.programs.map { program in
            (
                program.id,
                NaiveRecomputation.Programme(currency: program.currency, basisPoints: 1_000, windowDays: 30)
            )
        })

    private static func register(
        _ programmes: [String: NaiveRecomputation.Programme], in pool: PostgresPool
    ) async throws {
        let programmes = programmes.sorted { $0.key < $1.key }
        _ = try await pool.transaction { (transaction) throws(PostgresError) in
            try transaction.run(
                """
                INSERT INTO program (program_id, name, currency, attribution_window_days)
                SELECT id, id, currency, days FROM unnest($1::text[], $2::text[], $3::int4[]) AS p(id, currency, days)
                """, .texts(programmes.map(\.key)), .texts(programmes.map(\.value.currency)),
                .int4s(programmes.map { Int32($0.value.windowDays) }))
            try RuleStore.addStandard(
                programmes.map { ($0.key, BasisPoints(Int32($0.value.basisPoints))) }, createdBy: "test",
                in: transaction)
        }
    }

    func stop() async throws {
        await fleet.stop()
        try await database.drop()
    }

    /// - Parameter environment: wins over the fleet's.
    func startScorer(_ environment: [String: String] = [:]) async throws -> ChildProcess {
        try await fleet.start(
            "scorer",
            environment: environment.merging(["KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers]) { own, _ in own })
    }

    /// Waits until every record is processed, every refund whose order has come is released, and every message is sent.
    func waitUntilProcessed(records: Int = ScoringFleet.traffic.count) async throws {
        try await wait(for: "every record to be processed", within: ScoringFleet.processedWithin(records)) {
            let processed = try await processedRecords
            let waiting = try await count("SELECT count(*) FROM parked_event JOIN conversion USING (conversion_id)")
            let unsent = try await count(
                "SELECT COALESCE(sum(next_out_seq - published_upto), 0)::int8 FROM stream_offset")
            return processed == Int64(records) && waiting == 0 && unsent == 0
        }
    }

    /// How many records are below the positions.
    var processedRecords: Int64 {
        get async throws {
            try await count(
                "SELECT COALESCE(sum(next_offset), 0)::int8 FROM stream_offset WHERE topic = 'conversions.raw'")
        }
    }

    func count(_ statement: Statement) async throws -> Int64 {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(statement) { row in try row.int8(0) }.first ?? 0
        }
    }

    /// How many partitions each process owns, by its id. One that was killed owns until another claims.
    func owners() async throws -> [Int32: Int] {
        let owners = try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                "SELECT owner_id FROM stream_offset WHERE topic = 'conversions.raw' AND NOT clean_release"
            ) { row in try row.text(0) }
        }
        let processes = owners.compactMap { $0.split(separator: ":").last.flatMap { Int32($0) } }
        return Dictionary(processes.map { ($0, 1) }, uniquingKeysWith: +)
    }

    /// Waits until these scorers own all partitions between them, each at least one.
    func waitUntilOwned(by scorers: ChildProcess...) async throws {
        let expected = Set(scorers.map(\.processID))
        try await wait(for: "the partitions to have their owners", within: ScoringFleet.turnWithin) {
            let owners = try await owners()
            return Set(owners.keys) == expected && owners.values.reduce(0, +) == ScoringFleet.partitions
        }
    }

    /// What the records came to, whatever died on the way: one line per fact, in order.
    func result() async throws -> [String] {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                """
                SELECT line FROM (
                    -- A refund's event names no affiliate if it came before its order.
                    SELECT concat_ws(' ', 'event', event_id, kind, CASE WHEN kind < 3 THEN affiliate_id END,
                        content_hash) AS line FROM event
                    UNION ALL SELECT concat_ws(' ', 'exception', outcome, code, event_id, count(*))
                        FROM intake_exception GROUP BY outcome, code, event_id
                    UNION ALL SELECT concat_ws(' ', 'dead', error_code, md5(record_value), count(*))
                        FROM dead_letter GROUP BY error_code, record_value
                    UNION ALL SELECT concat_ws(' ', 'conversion', conversion_id, affiliate_id, amount_minor, click_key)
                        FROM conversion
                    UNION ALL SELECT concat_ws(' ', 'commission', conversion_id, amount_minor, reversed_minor)
                        FROM commission
                    UNION ALL SELECT concat_ws(' ', 'refund', refund_key, amount_minor, reversed_minor) FROM refund
                    UNION ALL SELECT concat_ws(' ', 'balance', affiliate_id, currency, pending + payable - clawback)
                        FROM affiliate_balance
                    UNION ALL SELECT concat_ws(' ', 'day', affiliate_id, program_id, currency, day, clicks,
                        conversions, refunds, revenue_minor) FROM affiliate_day
                ) facts ORDER BY line
                """
            ) { row in try row.text(0) }
        }
    }

    /// Runs `tributary verify` as an operator would.
    /// - Returns: how it ended, and what it printed.
    func verify() async throws -> (ProcessEnd, String) {
        try await tributary("verify")
    }

    /// Runs a verb to its end.
    func tributary(_ arguments: String...) async throws -> (ProcessEnd, String) { try await tributary(arguments) }

    func tributary(_ arguments: [String]) async throws -> (ProcessEnd, String) {
        let child = try await fleet.start(
            "tributary", arguments, environment: ["KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers])
        let end = await child.waitForEnd()
        let output = child.output
        await fleet.stop(child)
        return (end, output)
    }

    /// The ends of all outputs, for whoever has to find out what went wrong.
    var lastWords: String {
        // Without its directory the fleet is gone, and so are its words.
        let logs = (try? FileManager.default.contentsOfDirectory(atPath: fleet.directory)) ?? []
        return logs.sorted().map { log in
            let text = FileManager.default.contents(atPath: "\(fleet.directory)/\(log)") ?? Data()
            return "\(log):\n\(String(decoding: text.suffix(2_500), as: UTF8.self))"
        }.joined(separator: "\n")
    }
}
