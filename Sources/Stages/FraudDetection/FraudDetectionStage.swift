public import Domain
public import Events
public import Kafka
public import Postgres
import Storage
public import WorkerRuntime

/// Takes in what the scorer observed, for `FraudJudgingTimer`, which judges whole days: what an event means depends on
/// those before it, of all affiliates, and these come through other partitions.
public struct FraudDetectionStage: Stage {
    static let group = "fraud-detector"

    public let name = FraudDetectionStage.group
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
        var names: [UInt64: String] = [:]
        var rows: [FraudObservationStore.Row] = []
        for input in inputs.map(\.input) {
            names[FraudHash.of(input.message.affiliateID)] = input.message.affiliateID
            let observations = input.message.observations ?? input.message.observed
            for (day, events) in Dictionary(grouping: observations, by: \.event.at.day) {
                rows.append(
                    FraudObservationStore.Row(
                        messageID: input.id, day: day, events: FraudObservation.bytes(events)))
            }
            output.outcomes["observed", default: 0] += observations.count
        }
        try FraudObservationStore.name(names, in: transaction)
        try FraudObservationStore.save(rows, at: now, in: transaction)
        return output
    }
}

extension AffiliateScored {
    /// The conversions of a message that brought no observations, with what it says of them.
    fileprivate var observed: [FraudObservation] {
        conversions.map { conversion in
            var event = FraudEvent(
                kind: .conversion, key: FraudHash.of(conversion.conversionID.description), at: conversion.occurredAt,
                affiliate: FraudHash.of(affiliateID), program: FraudHash.of(programID))
            event.amountMinor = conversion.amountMinor
            event.currency = FraudHash.of(conversion.currency.code)
            let address = conversion.ip.flatMap { IPAddress($0) }
            event.address = address?.addressHash ?? FraudHash.of(conversion.ip)
            event.subnet = address?.subnetHash ?? 0
            return FraudObservation(event, address: address, conversionID: conversion.conversionID)
        }
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
