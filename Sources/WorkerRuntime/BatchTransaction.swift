import Domain
import Kafka
import Outbox
import Postgres

/// A record on its way through the worker.
struct Entry<Input: Sendable>: Sendable {
    enum Content: Sendable {
        case input(Input)
        case dead(DeadLetterReason)
        case futureSchema(major: Int64)
        /// Of a partition in quarantine: not even decoded before it is marked.
        case untouched
    }

    let record: Record
    var content: Content
}

/// Steps 4 to 7 of a batch: fence, effects, outbox and position in one transaction.
struct BatchTransaction<WorkerStage: Stage>: Sendable {
    enum Outcome: Sendable {
        /// Everything is in the database; the rows are yet to be published.
        case committed(partitions: [OwnedPartition], rows: [OutboxRow], outcomes: [String: Int], deadLetters: Int)
        /// Nothing is in the database: these lanes are not ours as we know them.
        case fenced(Set<Lane>)
    }

    let stage: WorkerStage
    let pool: PostgresPool

    /// Applies entries, each an input or a dead letter, whose partitions `owned` lists.
    func commit(
        _ entries: ArraySlice<Entry<WorkerStage.Input>>, owned: [OwnedPartition], at now: Timestamp
    ) async throws(PostgresError) -> Outcome {
        try await pool.transaction { (transaction) throws(PostgresError) in
            let fenced = try StreamStore.fence(owned, in: transaction)
            guard fenced.count == owned.count else {
                return .fenced(Set(owned.map(\.lane)).subtracting(fenced))
            }
            CrashPoint.hit(.afterFence)
            let inputs = entries.compactMap(\.sourced)
            let output = inputs.isEmpty ? StageOutput() : try stage.apply(inputs, in: transaction, at: now)
            CrashPoint.hit(.afterEffects)
            let deadLetters = entries.compactMap(\.deadLetter)
            var advance = Advance(owned, past: entries)
            let rows = advance.number(output.messages, deadLetters, group: stage.name)
            try OutboxStore.write(rows, in: transaction)
            try DeadLetterStore.save(deadLetters, group: stage.name, in: transaction)
            try StreamStore.advance(advance.partitions, lastRecordAt: advance.lastRecordAt, in: transaction)
            CrashPoint.hit(.beforeCommit)
            return .committed(
                partitions: advance.partitions, rows: rows, outcomes: output.outcomes, deadLetters: deadLetters.count)
        }
    }
}

extension Entry {
    var sourced: Sourced<Input>? {
        guard case .input(let input) = content else { return nil }
        return Sourced(record: record, input: input)
    }

    var deadLetter: DeadLetter? {
        guard case .dead(let reason) = content else { return nil }
        return DeadLetter(record: record, reason: reason)
    }
}

extension Record {
    /// When it was written, by a clock that may be anybody's: kept within the years that a date can name.
    var writtenAt: Timestamp {
        let endOfYear9999: Int64 = 253_402_300_799_999
        return Timestamp(microsecondsSinceEpoch: min(max(0, timestampMilliseconds), endOfYear9999) * 1_000)
    }
}

/// Where the partitions of a batch stand once it is committed.
private struct Advance {
    private(set) var partitions: [OwnedPartition]
    private(set) var lastRecordAt: [Timestamp]
    private var index: [TopicPartition: Int] = [:]

    init(_ owned: [OwnedPartition], past entries: ArraySlice<Entry<some Sendable>>) {
        partitions = owned
        lastRecordAt = Array(repeating: Timestamp(microsecondsSinceEpoch: 0), count: owned.count)
        for (position, partition) in owned.enumerated() { index[partition.lane.source] = position }
        for entry in entries {
            guard let position = index[entry.record.source] else { continue }
            partitions[position].nextOffset = entry.record.offset + 1
            lastRecordAt[position] = entry.record.writtenAt
        }
    }

    /// Gives every message its sequence in the lane of the partition that caused it.
    mutating func number(
        _ messages: [StageOutput.Message], _ deadLetters: [DeadLetter], group: String
    ) -> [OutboxRow] {
        var rows: [OutboxRow] = []
        rows.reserveCapacity(messages.count + deadLetters.count)
        for message in messages { append(message.message, cause: message.cause, to: &rows) }
        for letter in deadLetters { append(letter.message(group: group), cause: letter.record.source, to: &rows) }
        return rows
    }

    private mutating func append(_ message: OutboxMessage, cause: TopicPartition, to rows: inout [OutboxRow]) {
        guard let position = index[cause] else {
            preconditionFailure("a message names a partition that its batch does not have")
        }
        rows.append(
            OutboxRow(
                lane: partitions[position].lane, sequence: partitions[position].nextOutSequence, message: message))
        partitions[position].nextOutSequence += 1
    }
}
