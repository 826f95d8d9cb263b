public import Domain
public import Events
public import Kafka
import Outbox
public import Postgres
import Storage
public import WorkerRuntime

/// Judges every conversion and its affiliate by the fraud rules, and says so on `fraud.flags`, clear ones too: the
/// planner approves nothing that was not judged.
public struct FraudDetectionStage: Stage {
    public let name = "fraud-detector"
    public let topics = [TopicName.affiliatesScored]

    public init() {}

    public func decode(_ record: Record) -> Decoded<FleetInput<AffiliateScored>> {
        FleetInput.decode(record.value)
    }

    public func apply(
        _ batch: [Sourced<FleetInput<AffiliateScored>>], in transaction: borrowing Transaction, at now: Timestamp
    ) throws(PostgresError) -> StageOutput {
        var output = StageOutput()
        let inputs = try output.admit(batch, group: name, at: now, in: transaction)
        CrashPoint.hit(.afterDedupe)
        guard !inputs.isEmpty else { return output }
        let messages = inputs.map(\.input.message)
        var judgement = FraudJudgement(
            messages, conversionsOfIPHours: try FraudStore.count(FraudJudgement.ipHours(messages), in: transaction))
        judgement.weigh(
            occurrences: try FraudStore.raise(judgement.flagHits, at: now, in: transaction),
            verdicts: try FraudStore.verdicts(of: Set(messages.map(\.affiliateID)).sorted(), in: transaction))
        try FraudStore.save(judgement.conversions, at: now, in: transaction)
        try FraudStore.worsen(judgement.worsened, in: transaction)
        for (sourced, finding) in zip(inputs, judgement.findings) {
            output.messages.append(
                StageOutput.Message(
                    cause: sourced.record.source,
                    message: OutboxMessage(
                        finding.message, id: Identifier(hashing: TopicName.fraudFlags, sourced.input.id.description),
                        at: sourced.input.at)))
            output.outcomes[finding.message.verdict.rawValue, default: 0] += 1
        }
        return output
    }
}

extension StageOutput {
    /// Takes messages in, and counts those that were taken in before.
    ///
    /// - Returns: the new ones.
    mutating func admit<Message>(
        _ batch: [Sourced<FleetInput<Message>>], group: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Sourced<FleetInput<Message>>] {
        let admissions = try InboxStore.admit(
            batch.map { ($0.input.id, $0.input.contentHash) }, group: group, at: now, in: transaction)
        var new: [Sourced<FleetInput<Message>>] = []
        for (sourced, admission) in zip(batch, admissions) {
            guard admission == .new else {
                outcomes[admission.rawValue, default: 0] += 1
                continue
            }
            new.append(sourced)
        }
        return new
    }
}
