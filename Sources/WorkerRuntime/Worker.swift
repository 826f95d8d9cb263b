import Domain
import Kafka
import Logging
import Outbox
import Postgres
import ServiceLifecycle

/// Runs a stage: polls, commits and publishes, each overlapping the others by one batch.
///
/// One turn does three things at once: it commits the batch that is decoded, publishes what the turn before committed,
/// and polls and decodes the next batch. Rebalances, holds and failures are handled between turns, when nothing is
/// under way.
actor Worker<WorkerStage: Stage>: Service {
    typealias Batch = [Entry<WorkerStage.Input>]

    let stage: WorkerStage
    let settings: WorkerSettings
    let pool: PostgresPool
    let consumer: KafkaConsumer
    let publisher: Publisher
    let transaction: BatchTransaction<WorkerStage>
    let health: Health
    let metrics: Metrics
    let logger: Logger
    let clock: @Sendable () -> Timestamp
    private let intake: Intake<WorkerStage>

    /// The partitions that are ours, held ones among them.
    var owned: [TopicPartition: OwnedPartition] = [:]
    /// Assigned by the group, not yet claimed in the database.
    var unclaimed: [TopicPartition] = []
    /// Decoded and not committed.
    var backlog: Batch = []
    /// Committed and not on their topics.
    var unpublished: [OutboxRow] = []
    /// Positions to tell Kafka of, for other tools.
    var mirror: [TopicPartition: Int64] = [:]
    var rest = Rest()
    /// Partitions that the group gave us and that have no row of ours.
    var missing: Set<TopicPartition> = []
    /// The piece under way was refused for a taken key once and is being repeated.
    var conflictRepeated = false
    private var holdsReadAt = ContinuousClock.now

    init(
        stage: WorkerStage, settings: WorkerSettings, pool: PostgresPool, consumer: KafkaConsumer,
        producer: KafkaProducer,
        health: Health, metrics: Metrics, logger: Logger, clock: @escaping @Sendable () -> Timestamp
    ) {
        self.stage = stage
        self.settings = settings
        self.pool = pool
        self.consumer = consumer
        self.health = health
        self.metrics = metrics
        self.logger = logger
        self.clock = clock
        publisher = Publisher(producer)
        transaction = BatchTransaction(stage: stage, pool: pool)
        intake = Intake(stage: stage, consumer: consumer)
    }

    func run() async throws {
        health.unready("start", nil)
        health.unready("partitions", "joining the group")
        while !Task.isShuttingDownGracefully, !Task.isCancelled { try await runOnce() }
        await drain()
    }

    /// One turn: commit, publish and poll, then what they brought.
    func runOnce() async throws(WorkerFailure) {
        let isResting = rest.isOn
        let isIdle = backlog.isEmpty && unpublished.isEmpty
        let wanted = isResting ? 0 : max(0, 2 * settings.batchRecords - backlog.count)
        async let polled = poll(
            maximum: min(wanted, settings.batchRecords), within: isIdle || isResting ? settings.pollWithin : .zero,
            caution: caution, mirror: takeMirror())
        async let published = publisher.publish(isResting ? [] : unpublished)
        // What Kafka does not take must not pile up: no new batch while too much waits for its topic.
        let mayCommit = !isResting && unpublished.count <= settings.unpublishedMaximum
        let committed = mayCommit ? try await commitBacklog() : []
        let report = await published
        if !isResting { settle(report, newlyCommitted: committed) }
        try await receive(try await polled.get())
        if isIdle, !isResting { await savePublished() }
        try await endRestIfOver()
        await readHoldsIfDue()
        health.turned()
    }

    private func poll(
        maximum: Int, within limit: Duration, caution: Intake<WorkerStage>.Caution, mirror: [TopicPartition: Int64]
    ) async -> Result<Intake<WorkerStage>.Result, WorkerFailure> {
        do throws(KafkaError) {
            // While the database rests the partitions are paused: a poll brings rebalances and keeps the membership.
            return .success(
                try await intake.next(
                    maximum: max(1, maximum), maximumBytes: settings.batchBytes, within: limit, caution: caution,
                    mirror: mirror))
        } catch {
            return .failure(.kafka(error))
        }
    }

    private func takeMirror() -> [TopicPartition: Int64] {
        defer { mirror = [:] }
        return mirror
    }

    private var caution: Intake<WorkerStage>.Caution {
        var caution = Intake<WorkerStage>.Caution()
        for (source, partition) in owned {
            if partition.mode == .quarantine { caution.quarantined.insert(source) }
            caution.poison[source] = partition.poisonOffset
        }
        return caution
    }

    /// Takes in what the poll brought.
    private func receive(_ result: Intake<WorkerStage>.Result) async throws(WorkerFailure) {
        for entry in result.entries where owned[entry.record.source]?.mode != .held {
            guard owned[entry.record.source] != nil else { continue }
            backlog.append(entry)
        }
        metrics.add(Double(result.entries.count), to: "fleet_records_consumed_total", labels)
        for error in result.errors {
            logger.warning("kafka complained", metadata: [LogKey.error: "\(error)"])
            if error.isFatal { throw .kafka(error) }
        }
        for source in result.outOfRange { await holdOutOfRange(source) }
        switch result.rebalance {
        case .assigned(let partitions):
            unclaimed = partitions
            try await claim()
        case .revoked(let partitions, let lost): try await release(partitions, lost: lost)
        case nil: break
        }
    }

    /// Marks what is published, and queues what was committed meanwhile behind what is not.
    func settle(_ report: Publisher.Report, newlyCommitted: [OutboxRow]) {
        for (lane, sequence) in report.publishedUpTo { owned[lane.source]?.publishedUpTo = sequence }
        for error in report.failures.prefix(1) {
            logger.warning(
                "publishing failed", metadata: [LogKey.error: "\(error)", LogKey.count: "\(report.failures.count)"])
        }
        metrics.add(Double(report.failures.count), to: "fleet_produce_errors_total", labels)
        metrics.add(
            Double(unpublished.count - report.remaining.count), to: "fleet_outbox_published_total", labels)
        unpublished = report.remaining + newlyCommitted
        metrics.set("fleet_outbox_unpublished_rows", to: Double(unpublished.count), labels)
    }

    private func readHoldsIfDue() async {
        guard owned.values.contains(where: { $0.mode == .held }) || !missing.isEmpty else { return }
        guard ContinuousClock.now - holdsReadAt > .seconds(1) else { return }
        holdsReadAt = .now
        await releaseHolds()
    }

    func decoded(_ record: Record) -> Entry<WorkerStage.Input> { intake.decoded(record) }

    var labels: [(String, String)] { [("worker_group", stage.name)] }
}

/// Why a worker ends before it is asked to.
enum WorkerFailure: Error {
    case kafka(KafkaError)
    /// A bug of ours: a row that does not decode, a body that asked for a rollback nobody takes.
    case database(PostgresError)
    /// A dependency was away for longer than the settings allow.
    case dependencyDown
}
