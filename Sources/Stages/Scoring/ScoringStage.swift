public import Domain
public import Events
public import Kafka
import Outbox
public import Postgres
import Storage
public import WorkerRuntime

/// `conversions.raw` → `affiliates.scored`: validates, dedupes, attributes, prices, posts to the ledger, scores.
public struct ScoringStage: Stage {
    /// A record of `conversions.raw` that could be read.
    public enum Input: Sendable {
        case event(TrackingEvent)
        case rejected(EventRejection)
    }

    /// The worker group, which the ids of its messages and its timer's lane carry too.
    public static let group = "scorer"
    public let name = ScoringStage.group
    public let topics = [TopicName.conversionsRaw]

    private let registersUnknown: Bool

    /// - Parameter registersUnknown: whether programmes and affiliates that are not known are registered when an event
    ///   names them; off in production.
    public init(registersUnknown: Bool) {
        self.registersUnknown = registersUnknown
    }

    public func decode(_ record: Record) -> Decoded<Input> {
        switch TrackingEventReader.read(record.value) {
        case .event(let event): .input(.event(event))
        case .rejected(let rejection): .input(.rejected(rejection))
        case .unreadable(let code, let measured): .dead(DeadLetterReason(code: code, measured: measured))
        case .futureSchema(let major): .futureSchema(major: major)
        }
    }

    public func apply(
        _ batch: [Sourced<Input>], in transaction: borrowing Transaction, at now: Timestamp
    ) throws(PostgresError) -> StageOutput {
        let facts = try ScoringFacts(batch.map { $0.input }, registersUnknown: registersUnknown, in: transaction)
        var fold = ScoringFold(facts, at: now)
        for sourced in batch {
            let position = SourcePosition(partition: sourced.record.source.partition, offset: sourced.record.offset)
            switch sourced.input {
            case .event(let event): fold.take(event, at: position, payload: sourced.record.value)
            case .rejected(let rejection): fold.reject(rejection, at: position)
            }
        }
        let messages = try fold.save(in: transaction)
        var output = StageOutput()
        output.outcomes = fold.outcomes
        output.messages = messages.map { message in
            StageOutput.Message(
                cause: TopicPartition(topic: TopicName.conversionsRaw, partition: message.partition),
                message: message.message)
        }
        return output
    }
}
