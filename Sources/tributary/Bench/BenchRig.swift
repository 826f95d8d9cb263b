import DevKit
import Foundation
import Kafka
import Logging
import Postgres
import Storage
import Topics

/// What a bench measures with: a private database server, a broker, and the fleet's programs.
struct BenchRig: Sendable {
    private static let startWithin = Duration.seconds(60)
    /// Where a round's database is copied from.
    private static let template = "bench_template"

    let cluster: PostgresCluster
    let fleet: Fleet
    let kafka: KafkaSettings
    /// nil for a broker that is not ours.
    let broker: ChildProcess?
    let batchRecords: Int

    static func start(_ topics: TopicOptions, batchRecords: Int) async throws -> BenchRig {
        let cluster = try await PostgresCluster.start(logger: .standardError)
        let fleet = try Fleet(environment: [
            "HEALTH_PORT": "0", "LOG_LEVEL": "warning", "DEAD_LETTER_LIMIT": "0", "BATCH_RECORDS": "\(batchRecords)",
            "KAFKA_SESSION_TIMEOUT_MS": "6000",
        ])
        do {
            let (kafka, broker) = try await startBroker(fleet, topics)
            return BenchRig(cluster: cluster, fleet: fleet, kafka: kafka, broker: broker, batchRecords: batchRecords)
        } catch {
            await fleet.stop(grace: .zero)
            await cluster.close()
            throw error
        }
    }

    private static func startBroker(
        _ fleet: Fleet, _ topics: TopicOptions
    ) async throws -> (KafkaSettings, ChildProcess?) {
        if let given = KafkaSettings.fromEnvironment(ProcessInfo.processInfo.environment) {
            let admin = try KafkaAdmin(given, clientID: "tributary-bench", logger: .standardError)
            let plan = TopicPlan(try topics.load(), found: try await admin.metadata(), replication: 1)
            _ = try await plan.apply(with: admin)
            await admin.close()
            return (given, nil)
        }
        let broker = try await fleet.start("tributary", ["broker", "--topics", topics.path])
        let servers = try await broker.announcement(readyPrefix, within: startWithin)
        return (KafkaSettings(bootstrapServers: servers), broker)
    }

    func stop() async {
        await fleet.stop()
        await cluster.close()
    }

    /// Makes a migrated database.
    func createDatabase(_ name: String) async throws -> String {
        let url = try await cluster.createDatabase(name)
        try await withPool(url) { pool in _ = try await Migrator(directory: try StorageMigrations.all).apply(on: pool) }
        return url
    }

    /// Makes `template` a copy of what `prepare` left, for every round to start from.
    func keepTemplate(_ prepare: (_ url: String) async throws -> Void) async throws {
        try await prepare(try await createDatabase(BenchRig.template))
    }

    /// Lends a fresh copy of the template, with everything before it on the disk, and drops it.
    func withDatabase<Output>(_ body: (_ url: String) async throws -> Output) async throws -> Output {
        let name = "bench_round"
        let url = try await cluster.createDatabase(name, template: BenchRig.template)
        try await withPool(url) { pool in
            _ = try await pool.transaction { (transaction) throws(PostgresError) in try transaction.run("CHECKPOINT") }
        }
        let output = try await body(url)
        try await cluster.dropDatabase(name)
        return output
    }

    func withPool<Output>(_ url: String, _ body: (PostgresPool) async throws -> Output) async throws -> Output {
        let configuration = PostgresConfiguration(url: url, poolSize: 1, applicationName: "tributary-bench")
        let pool = PostgresPool(configuration, logger: .standardError)
        do {
            let output = try await body(pool)
            await pool.close()
            return output
        } catch {
            await pool.close()
            throw error
        }
    }

    /// The server's version, and the settings that decide what a commit costs.
    func settings() async throws -> [String: String] {
        let settings = try await withPool(cluster.adminURL) { pool in
            try await pool.transaction { (transaction) throws(PostgresError) in
                try transaction.query(
                    """
                    SELECT name, current_setting(name) FROM pg_settings WHERE name IN ('server_version', 'fsync',
                        'synchronous_commit', 'full_page_writes', 'wal_level', 'shared_buffers', 'max_wal_size')
                    """
                ) { row in (try row.text(0), try row.text(1)) }
            }
        }
        return Dictionary(uniqueKeysWithValues: settings)
    }

    /// CPU seconds so far, by process.
    func cpuSeconds() -> [String: Double] {
        var seconds = ["postgres": cluster.processID.map(ProcessFigures.cpuSecondsWithChildren) ?? 0]
        if let broker { seconds["broker"] = ProcessFigures.cpuSeconds(broker.processID) }
        return seconds
    }
}
