public import Domain
public import Events
public import Kafka
public import Postgres
import Storage
public import WorkerRuntime

/// Approves the commissions of conversions that were judged, or holds them.
///
/// A message only says where to look; verdicts and holds are read from their rows, and a commission that is decided is
/// never decided again. So a message that comes twice changes nothing. Commissions whose hold ends later are
/// `PayoutPlanningTimer`'s.
public struct PayoutPlanningStage: Stage {
    static let group = "payout-planner"

    public let name = PayoutPlanningStage.group
    public let topics = [TopicName.fraudFlags]

    public init() {}

    public func decode(_ record: Record) -> Decoded<FleetInput<FraudFlags>> {
        FleetInput.decode(record.value)
    }

    public func apply(
        _ batch: [Sourced<FleetInput<FraudFlags>>], in transaction: borrowing Transaction, at now: Timestamp
    ) throws(PostgresError) -> StageOutput {
        let conversionIDs = Set(batch.flatMap { $0.input.message.conversions.map(\.conversionID) })
        let count = try CommissionStore.decide(Array(conversionIDs), at: now, in: transaction)
        var output = StageOutput()
        output.outcomes = [
            CommissionStatus.approved.rawValue: count.approved, CommissionStatus.held.rawValue: count.held,
        ]
        return output
    }
}
