import AsyncAlgorithms
public import Domain
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
import WorkerRuntime

/// Keeps what the policies say, at the start and then hour by hour: see `RetentionRun`.
public struct RetentionKeeper: Service {
    private let pool: PostgresPool
    private let interval: Duration
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger

    public init(
        pool: PostgresPool, every interval: Duration = .seconds(3_600), clock: @escaping @Sendable () -> Timestamp,
        logger: Logger
    ) {
        self.pool = pool
        self.interval = interval
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        await keep()
        for await _ in AsyncTimerSequence(interval: interval, clock: .continuous).cancelOnGracefulShutdown() {
            await keep()
        }
    }

    private func keep() async {
        do throws(PostgresError) {
            let run = try await RetentionRun.once(on: pool, at: clock())
            for (name, rows) in run.dropped {
                logger.info("month dropped", metadata: [LogKey.partition: "\(name)", LogKey.count: "\(rows)"])
            }
        } catch {
            logger.warning("retention waits", metadata: [LogKey.error: "\(error)"])
        }
    }
}
