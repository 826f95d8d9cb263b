public import Domain
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
import WorkerRuntime

/// Keeps what the policies say, at the start and then hour by hour: see `RetentionRun`.
public struct RetentionKeeper: Service {
    private let pool: PostgresPool
    private let pulse: Pulse
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger

    public init(
        pool: PostgresPool, every interval: Duration = .seconds(3_600), clock: @escaping @Sendable () -> Timestamp,
        logger: Logger
    ) {
        self.pool = pool
        pulse = Pulse(every: interval)
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        try await pulse.run("retention waits", logger) { () throws(PostgresError) in
            let run = try await RetentionRun.once(on: pool, at: clock())
            for (name, rows) in run.dropped {
                logger.info("month dropped", metadata: [LogKey.partition: "\(name)", LogKey.count: "\(rows)"])
            }
        }
    }
}
