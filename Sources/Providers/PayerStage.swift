public import Domain
public import Events
public import Kafka
public import Postgres
import Storage
public import WorkerRuntime

/// Turns a requested payout into its first attempt; sending it is the dispatcher's.
///
/// The attempt and its idempotency key follow from the payout alone, and a payout with an attempt gets no second one: a
/// request that comes twice, or is replayed after a year, changes nothing.
public struct PayerStage: Stage {
    public let name = "payer"
    public let topics = [TopicName.payoutsRequested]

    private let providers: [String: any PayoutProvider]

    public init(providers: [any PayoutProvider]) {
        self.providers = Dictionary(providers.map { ($0.name, $0) }) { first, _ in first }
    }

    public func decode(_ record: Record) -> Decoded<PayoutRequested> {
        FleetInput<PayoutRequested>.decode(record.value).map { $0.message }
    }

    public func apply(
        _ batch: [Sourced<PayoutRequested>], in transaction: borrowing Transaction, at now: Timestamp
    ) throws(PostgresError) -> StageOutput {
        var output = StageOutput()
        let requests = Dictionary(batch.map { ($0.input.payoutID, $0.input) }) { first, _ in first }
        let requested = try PayoutStore.lockRequested(Array(requests.keys), in: transaction)
        let lost = try PayoutStore.reportLost(Array(requests.values), at: now, in: transaction)
        output.outcomes["lost"] = lost
        output.outcomes["repeated"] = batch.count - requested.count - lost
        var attempts: [NewAttempt] = []
        var byHand: [PayoutMove] = []
        var used = ConnectedMoney()
        for candidate in requested {
            let payout = candidate.payout
            // The row decides; a message that differs from it was not written by the planner.
            guard requests[payout.payoutID]?.amount == payout.amount else {
                output.outcomes["mismatched", default: 0] += 1
                continue
            }
            let free = used.free(for: candidate)
            switch firstStep(of: RequestedPayout(payout: payout, connectedFreeMinor: free)) {
            case .send(let attempt):
                used.take(attempt, of: payout)
                attempts.append(attempt)
            case .byHand: byHand.append(PayoutMove(payout, to: .manual, evidence: "no provider sends it"))
            }
        }
        try PayoutAttemptStore.insert(attempts, sendAt: now, at: now, in: transaction)
        try PayoutStore.move(byHand, actor: "payer", at: now, in: transaction)
        output.outcomes["prepared"] = attempts.count
        output.outcomes["by_hand"] = byHand.count
        return output
    }

    private func firstStep(of requested: RequestedPayout) -> FirstStep {
        providers[requested.payout.provider]?.firstStep(of: requested) ?? .byHand
    }
}

/// What earlier payouts of the same batch take from the money on their affiliates' accounts.
private struct ConnectedMoney {
    private struct Key: Hashable {
        let affiliateID: String
        let currency: Currency
    }

    private var takenMinor: [Key: Int64] = [:]

    func free(for requested: RequestedPayout) -> Int64 {
        max(0, requested.connectedFreeMinor - (takenMinor[key(requested.payout)] ?? 0))
    }

    mutating func take(_ attempt: NewAttempt, of payout: PayoutRecord) {
        let transferred = attempt.operation == .transfer ? attempt.amount.minorUnits : 0
        takenMinor[key(payout), default: 0] += payout.amount.minorUnits - transferred
    }

    private func key(_ payout: PayoutRecord) -> Key {
        Key(affiliateID: payout.affiliateID, currency: payout.amount.currency)
    }
}
