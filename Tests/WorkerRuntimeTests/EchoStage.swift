import Domain
import Events
import Kafka
import Outbox
import Postgres
import Synchronization

@testable import WorkerRuntime

/// A stage that writes each record's text into the table `echo` and answers with a message of the same text.
///
/// `bad…` is a dead letter, `v2…` a later schema, `poison…` is refused by the table, `taken…` finds its key taken once.
struct EchoStage: Stage {
    let name: String
    let topics: [String]
    let output: String
    let journal: Journal
    /// The newest schema that it reads.
    var major: Int64 = 1

    func decode(_ record: Record) -> Decoded<String> {
        journal.update { $0.decoded.append(record.offset) }
        let text = String(decoding: record.value ?? [], as: UTF8.self)
        if text.hasPrefix("bad") { return .dead(DeadLetterReason(code: .notJSON, measured: text)) }
        if text.hasPrefix("v2"), major < 2 { return .futureSchema(major: 2) }
        return .input(text)
    }

    func apply(
        _ batch: [Sourced<String>], in transaction: borrowing Transaction, at now: Timestamp
    ) throws(PostgresError) -> StageOutput {
        let states = try transaction.query(
            """
            SELECT concat_ws(' ', CASE WHEN s.xmax::text = (pg_current_xact_id()::text::int8 & 4294967295)::text
                    THEN 'fenced' ELSE 'open' END, 'at', next_offset, 'trying', COALESCE(trying_offset, -1), 'with',
                (SELECT count(*) FROM outbox), 'and', (SELECT count(*) FROM dead_letter), 'published', published_upto)
            FROM stream_offset s WHERE worker_group = $1 AND topic = $2 AND partition = $3
            """, .text(name), .text(batch[0].record.source.topic), .int4(batch[0].record.source.partition)
        ) { row in try row.text(0) }
        let isFirstTaken = journal.update { journal in
            journal.batches.append(batch.map(\.input))
            journal.states += states
            guard batch.contains(where: { $0.input.hasPrefix("taken") }) else { return false }
            journal.takenSeen += 1
            return journal.takenSeen == 1
        }
        if isFirstTaken { try transaction.run("INSERT INTO echo_key SELECT 'taken' FROM generate_series(1, 2)") }
        try transaction.run(
            "INSERT INTO echo (partition, line) SELECT * FROM unnest($1::int4[], $2::text[])",
            .int4s(batch.map(\.record.source.partition)), .texts(batch.map(\.input)))
        var output = StageOutput()
        output.outcomes = ["echoed": batch.count]
        output.messages = batch.map { sourced in
            StageOutput.Message(
                cause: sourced.record.source, message: EchoStage.message(sourced.input, to: self.output))
        }
        return output
    }

    static func message(_ text: String, to topic: String) -> OutboxMessage {
        OutboxMessage(
            topic: topic, key: Array(text.utf8), messageID: Identifier(hashing: "echo", text),
            payload: Array(text.utf8))
    }
}

/// What the stage saw.
final class Journal: Sendable {
    struct Content {
        var decoded: [Int64] = []
        var batches: [[String]] = []
        /// The partition's row as it stood while the stage was at work.
        var states: [String] = []
        var takenSeen = 0
    }

    private let content = Mutex(Content())

    @discardableResult
    func update<Result: Sendable>(_ change: (inout sending Content) -> Result) -> Result {
        content.withLock { change(&$0) }
    }

    var decoded: [Int64] { content.withLock { $0.decoded } }
    var batches: [[String]] { content.withLock { $0.batches } }
    var states: [String] { content.withLock { $0.states } }
}
