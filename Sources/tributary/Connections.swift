import ArgumentParser
import Foundation
import Kafka
import Logging
import Postgres

/// Where the database is: the flag, else the environment.
struct DatabaseOptions: ParsableArguments {
    @Option(help: "The database, as postgres://user:password@host:5432/name. [DATABASE_URL]")
    var databaseURL: String?

    private var url: String? {
        let url = databaseURL ?? ProcessInfo.processInfo.environment["DATABASE_URL"]
        return url?.isEmpty == false ? url : nil
    }

    var isGiven: Bool { url != nil }

    /// Runs `body` with a small pool, and closes it.
    func withPool<Output>(
        size: Int = 2, _ body: (PostgresPool) async throws -> Output
    ) async throws -> Output {
        guard let url else { throw ValidationError("no database: set DATABASE_URL or give --database-url") }
        let configuration = PostgresConfiguration(url: url, poolSize: size, applicationName: "tributary")
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
}

/// Where the brokers are: the flag, else the environment.
struct BrokerOptions: ParsableArguments {
    @Option(help: "The brokers, as host:port,host:port. [KAFKA_BOOTSTRAP_SERVERS]")
    var bootstrapServers: String?

    /// nil if neither says where.
    var settings: KafkaSettings? {
        KafkaSettings.fromEnvironment(ProcessInfo.processInfo.environment, bootstrapServers: bootstrapServers)
    }

    func required() throws -> KafkaSettings {
        guard let settings else {
            throw ValidationError("no broker: set KAFKA_BOOTSTRAP_SERVERS or give --bootstrap-servers")
        }
        return settings
    }
}

extension Logger {
    /// What a verb prints is its result; what it has to say beside goes here, from warnings on.
    static var standardError: Logger {
        var logger = Logger(label: "tributary", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .warning
        return logger
    }
}

/// Writes a line to standard error.
func complain(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
