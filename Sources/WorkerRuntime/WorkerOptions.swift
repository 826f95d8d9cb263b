public import ArgumentParser
import Foundation
public import Kafka
public import Postgres

/// The options of every worker: flag, then environment, then default.
public struct WorkerOptions: ParsableArguments, Sendable {
    @Option(help: "PostgreSQL, as postgres://user@host/database. [env: DATABASE_URL]")
    public var databaseURL = Environment.text("DATABASE_URL")

    @Option(help: "Kafka's bootstrap servers, as host:port,host:port. [env: KAFKA_BOOTSTRAP_SERVERS]")
    public var bootstrapServers = Environment.text("KAFKA_BOOTSTRAP_SERVERS")

    @Option(help: "Address of /healthz, /readyz and /metrics. [env: HEALTH_HOST]")
    public var healthHost = Environment.text("HEALTH_HOST", default: "127.0.0.1")

    @Option(help: "Port of /healthz, /readyz and /metrics; 0 takes a free one. [env: HEALTH_PORT]")
    public var healthPort = Environment.number("HEALTH_PORT", default: 0)

    @Option(help: "Connections to PostgreSQL. [env: DATABASE_POOL_SIZE]")
    public var databasePoolSize = Environment.number("DATABASE_POOL_SIZE", default: 4)

    @Option(help: "The most records of one batch. [env: BATCH_RECORDS]")
    public var batchRecords = Environment.number("BATCH_RECORDS", default: 2_000)

    @Option(
        help: "Silence in milliseconds after which the group gives the partitions away. [env: KAFKA_SESSION_TIMEOUT_MS]"
    )
    public var sessionTimeout = Environment.number("KAFKA_SESSION_TIMEOUT_MS", default: 30_000)

    @Option(help: "How long a broker may hold back an empty answer, in milliseconds. [env: KAFKA_FETCH_WAIT_MAX_MS]")
    public var fetchWait = Environment.number("KAFKA_FETCH_WAIT_MAX_MS", default: 100)

    @Option(
        help: """
            Dead letters per partition and five minutes that hold the partition; 0 is no limit. [env: DEAD_LETTER_LIMIT]
            """)
    public var deadLetterLimit = Environment.number("DEAD_LETTER_LIMIT", default: 20)

    @Option(
        help: "Seconds that a dependency may be away before the worker ends with 75. [env: DEPENDENCY_TIMEOUT_SECONDS]")
    public var dependencyTimeout = Environment.number("DEPENDENCY_TIMEOUT_SECONDS", default: 3_600)

    @Option(help: "trace, debug, info, notice, warning, error or critical. [env: LOG_LEVEL]")
    public var logLevel = Environment.text("LOG_LEVEL", default: "info")

    public init() {}

    /// How to reach Kafka: the bootstrap servers and every `KAFKA_…` property of the environment.
    public var kafka: KafkaSettings {
        var settings =
            KafkaSettings.fromEnvironment(ProcessInfo.processInfo.environment)
            ?? KafkaSettings(bootstrapServers: bootstrapServers)
        settings.bootstrapServers = bootstrapServers
        return settings
    }

    /// - Parameter name: shown by PostgreSQL for each connection.
    public func postgres(name: String) -> PostgresConfiguration {
        var configuration = PostgresConfiguration(
            url: databaseURL, poolSize: databasePoolSize, applicationName: name)
        // A batch looks up hundreds of keys. On tables that are small or not yet analyzed the planner would rather read
        // them whole and compare every row with every key, and keep that plan while they grow.
        configuration.session.others["enable_seqscan"] = "off"
        return configuration
    }

    public func validate() throws {
        guard !databaseURL.isEmpty else { throw ValidationError("DATABASE_URL or --database-url is needed.") }
        guard !bootstrapServers.isEmpty else {
            throw ValidationError("KAFKA_BOOTSTRAP_SERVERS or --bootstrap-servers is needed.")
        }
        guard (1...20_000).contains(batchRecords) else {
            throw ValidationError("--batch-records is from 1 to 20000, not \(batchRecords).")
        }
    }
}

/// The environment's defaults of the options. Read here and nowhere else in a worker.
public enum Environment {
    public static func text(_ name: String, default standard: String = "") -> String {
        ProcessInfo.processInfo.environment[name] ?? standard
    }

    /// A value that is no number is refused by name rather than replaced.
    public static func number(_ name: String, default standard: Int) -> Int {
        guard let text = ProcessInfo.processInfo.environment[name], !text.isEmpty else { return standard }
        guard let number = Int(text) else {
            FileHandle.standardError.write(Data("\(name) is a number, not \"\(text)\".\n".utf8))
            exit(WorkerExit.configuration.rawValue)
        }
        return number
    }
}
