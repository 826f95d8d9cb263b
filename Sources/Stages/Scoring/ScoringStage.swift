public import Domain
public import Events
public import Kafka
import Outbox
public import Postgres
import Storage
public import WorkerRuntime

/// `conversions.raw` → `affiliates.scored`: validates, dedupes, attributes, prices, posts to the ledger, scores.
///
/// Load, take in, load what prices depend on, price, save: each once per batch.
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
    private let book = RuleBook()

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
        let plausible = batch.compactMap { $0.input.event }.filter { $0.timeObjection(at: now) == nil }
        let facts = try IntakeFacts(plausible, registersUnknown: registersUnknown, in: transaction)
        var intake = IntakeFold(facts, at: now)
        for sourced in batch {
            let position = SourcePosition(partition: sourced.record.source.partition, offset: sourced.record.offset)
            switch sourced.input {
            case .event(let event): intake.take(event, at: position, payload: sourced.record.value)
            case .rejected(let rejection): intake.reject(rejection, at: position)
            }
        }
        let messages = try ScoringStage.price(intake, book: book, in: transaction).save(in: transaction)
        var output = StageOutput()
        output.outcomes = intake.outcomes
        output.messages = messages.map { message in
            StageOutput.Message(
                cause: TopicPartition(topic: TopicName.conversionsRaw, partition: message.partition),
                message: message.message)
        }
        return output
    }

    /// Looks up what prices depend on, and decides.
    static func price(
        _ intake: IntakeFold, book: RuleBook, in transaction: borrowing Transaction
    ) throws(PostgresError) -> ScoringDecision {
        let rules = try book.rules(of: intake.facts.programs.values, in: transaction)
        let facts = try MoneyFacts(
            intake.cases, rules: rules, refunded: intake.refundedAffiliates, in: transaction)
        return ScoringDecision(intake, MoneyFold(facts, conversions: intake.recordedConversions))
    }
}

extension ScoringStage.Input {
    fileprivate var event: TrackingEvent? {
        guard case .event(let event) = self else { return nil }
        return event
    }
}
