public import Domain
public import Events
public import Kafka
public import Postgres
import Storage
public import WorkerRuntime

/// Tells admins and affiliates what happened, each thing once: it fills the inbox of the console, and queues what goes
/// out by e-mail and webhooks in the same transaction.
public struct NotificationStage: Stage {
    /// A message that may be worth telling.
    public enum Input: Sendable {
        case flags(FleetInput<FraudFlags>)
        case settled(FleetInput<PayoutSettled>)
    }

    public let name = "notifier"
    public let topics = [TopicName.payoutsSettled, TopicName.fraudFlags]

    public init() {}

    public func decode(_ record: Record) -> Decoded<Input> {
        if record.source.topic == TopicName.fraudFlags {
            FleetInput<FraudFlags>.decode(record.value).map(Input.flags)
        } else {
            FleetInput<PayoutSettled>.decode(record.value).map(Input.settled)
        }
    }

    public func apply(
        _ batch: [Sourced<Input>], in transaction: borrowing Transaction, at now: Timestamp
    ) throws(PostgresError) -> StageOutput {
        let notifications = batch.flatMap { sourced in
            switch sourced.input {
            case .flags(let input): NewNotification.about(input.message, at: input.at)
            case .settled(let input): NewNotification.about(input.message)
            }
        }
        var output = StageOutput()
        output.outcomes["told"] = try NotificationStore.insert(notifications, at: now, in: transaction)
        return output
    }
}
