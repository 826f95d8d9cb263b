import ArgumentParser
import Domain
import Foundation
public import Kafka
public import Logging
public import Postgres
public import ServiceLifecycle

/// How a worker ends, as its exit code says.
public enum WorkerExit: Int32, Sendable {
    case drained = 0
    /// The end took longer than its deadline.
    case undrained = 3
    case bug = 70
    case dependencyDown = 75
    case configuration = 78
}

/// What a worker shares with the services beside it.
public struct WorkerContext: Sendable {
    public let pool: PostgresPool
    public let producer: KafkaProducer
    public let health: Health
    public let metrics: Metrics
    public let logger: Logger
    /// Names this process in the rows that it owns.
    public let owner: String
}

/// The wall clock, in whole microseconds.
@Sendable public func systemNow() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microsecondsSinceEpoch: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
}

/// Runs a stage until it is asked to end, and maps how it ended to the exit code.
///
/// - Parameter alongside: makes the services that run beside the stage; started before it and stopped after it.
public func runWorker(
    _ stage: some Stage, options: WorkerOptions,
    alongside: @Sendable (WorkerContext) throws -> [any Service] = { _ in [] }
) async throws {
    try await runServices(name: stage.name, options: options) { context in
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(
                settings: options.kafka, group: stage.name, topics: stage.topics, clientID: context.owner,
                sessionTimeoutMilliseconds: options.sessionTimeout, fetchWaitMilliseconds: options.fetchWait),
            logger: context.logger)
        var settings = WorkerSettings(owner: context.owner)
        settings.batchRecords = options.batchRecords
        settings.deadLetterLimit = options.deadLetterLimit
        settings.dependencyWithin = .seconds(options.dependencyTimeout)
        let worker = Worker(
            stage: stage, settings: settings, pool: context.pool, consumer: consumer, producer: context.producer,
            health: context.health, metrics: context.metrics, logger: context.logger, clock: systemNow)
        let registration = GroupRegistration(
            group: stage.name, topics: stage.topics, pool: context.pool, settings: options.kafka,
            health: context.health,
            dependencyWithin: settings.dependencyWithin, logger: context.logger)
        return try alongside(context) + [WorkerService(registration: registration, worker: worker)]
    }
}

/// Runs services with what every process of the fleet has: pool, producer, health endpoint, signals, exit code.
public func runServices(
    name: String, options: WorkerOptions, _ make: @Sendable (WorkerContext) throws -> [any Service]
) async throws {
    var logger = Logger(label: name)
    logger.logLevel = Logger.Level(rawValue: options.logLevel) ?? .info
    let owner = "\(name)@\(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier)"
    do {
        let context = WorkerContext(
            pool: PostgresPool(options.postgres(name: name), logger: logger),
            producer: try KafkaProducer(
                ProducerConfiguration(
                    settings: options.kafka, clientID: owner, messageTimeoutMilliseconds: 30_000), logger: logger),
            health: Health(), metrics: Metrics(), logger: logger, owner: owner)
        context.metrics.set("fleet_up", to: 1, [("worker_group", name)])
        let server = HealthServer(
            host: options.healthHost, port: options.healthPort, health: context.health, metrics: context.metrics,
            logger: logger)
        try await run([server] + make(context), logger: logger)
        await context.producer.close()
        await context.pool.close()
    } catch {
        end(error, logger)
    }
    logger.info("process ended", metadata: [LogKey.exitCode: "0"])
}

private func run(_ services: [any Service], logger: Logger) async throws {
    var configuration = ServiceGroupConfiguration(
        services: services.map {
            .init(
                service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup)
        },
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(25)
    try await ServiceGroup(configuration: configuration).run()
}

private func end(_ error: any Error, _ logger: Logger) -> Never {
    let code: WorkerExit =
        switch error {
        case let failure as WorkerFailure: failure.exit
        case let failure as PostgresError: failure.errorClass == .bug ? .bug : .dependencyDown
        case let failure as KafkaError: failure.isFatal ? .bug : .dependencyDown
        case is ServiceGroupError, is CancellationError: .undrained
        default: .bug
        }
    logger.critical(
        "process ended", metadata: [LogKey.error: "\(error)", LogKey.exitCode: "\(code.rawValue)"])
    exit(code.rawValue)
}

extension WorkerFailure {
    var exit: WorkerExit {
        switch self {
        case .dependencyDown: .dependencyDown
        case .kafka(let error): error.isFatal ? .bug : .dependencyDown
        case .database: .bug
        }
    }
}
