import Kafka

/// Steps 2 and 3: takes records from the log and decodes them, while the batch before commits.
struct Intake<WorkerStage: Stage>: Sendable {
    struct Result: Sendable {
        var entries: [Entry<WorkerStage.Input>] = []
        var rebalance: Rebalance?
        var outOfRange: [TopicPartition] = []
        var errors: [KafkaError] = []
    }

    /// What must not be decoded: whole partitions in quarantine, and records that killed their owners.
    struct Caution: Sendable {
        var quarantined: Set<TopicPartition> = []
        var poison: [TopicPartition: Int64] = [:]
    }

    let stage: WorkerStage
    let consumer: KafkaConsumer

    /// - Parameter mirror: offsets that other tools may read from Kafka; ours are in the database.
    func next(
        maximum: Int, maximumBytes: Int, within limit: Duration, caution: Caution, mirror: [TopicPartition: Int64]
    ) async throws(KafkaError) -> Result {
        if !mirror.isEmpty { await consumer.mirrorCommit(mirror, metadata: "db") }
        let poll = try await consumer.poll(maximum: maximum, maximumBytes: maximumBytes, within: limit)
        var result = Result(rebalance: poll.rebalance, outOfRange: poll.outOfRange, errors: poll.errors)
        result.entries.reserveCapacity(poll.records.count)
        for record in poll.records { result.entries.append(entry(record, caution)) }
        if !result.entries.isEmpty { CrashPoint.hit(.afterPoll) }
        return result
    }

    private func entry(_ record: Record, _ caution: Caution) -> Entry<WorkerStage.Input> {
        if caution.poison[record.source] == record.offset {
            let reason = DeadLetterReason(code: .crashPoison, measured: "offset \(record.offset)")
            return Entry(record: record, content: .dead(reason))
        }
        guard !caution.quarantined.contains(record.source) else { return Entry(record: record, content: .untouched) }
        return decoded(record)
    }

    func decoded(_ record: Record) -> Entry<WorkerStage.Input> {
        switch stage.decode(record) {
        case .input(let input): Entry(record: record, content: .input(input))
        case .dead(let reason): Entry(record: record, content: .dead(reason))
        case .futureSchema(let major): Entry(record: record, content: .futureSchema(major: major))
        }
    }
}
