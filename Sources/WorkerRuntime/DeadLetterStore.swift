import Domain
import Events
import Kafka
import Outbox
import Postgres

/// A record that will not be processed, kept byte for byte.
struct DeadLetter: Sendable {
    let record: Record
    let reason: DeadLetterReason

    /// Bytes of key, value and headers that a broker with usual limits takes; of a larger record the topic gets only
    /// where and why it ended, the rest stays in the table: a message that is refused for ever would hold up its lane.
    static let recordBytesMaximum = 900_000

    /// The record as it goes to `<topic>.dlq`: original key, value and headers, and where and why it ended.
    func message(group: String) -> OutboxMessage {
        let source = record.source
        let isOversize = bytes > DeadLetter.recordBytesMaximum
        return OutboxMessage(
            topic: TopicName.deadLetters(of: source.topic), key: isOversize ? nil : record.key.map { Array($0) },
            messageID: Identifier(
                hashing: "dead", group, source.topic, String(source.partition), String(record.offset)),
            payload: isOversize ? nil : record.value.map { Array($0) },
            headers: (isOversize ? [] : record.headers.map { ($0.name, $0.text) }) + [
                ("source-topic", source.topic), ("source-partition", String(source.partition)),
                ("source-offset", String(record.offset)), ("source-timestamp", String(record.timestampMilliseconds)),
                ("source-bytes", String(record.value?.count ?? 0)), ("error-class", "data"),
                ("error-code", String(reason.code.rawValue)), ("error-message", reason.code.sentence),
                ("worker-group", group),
            ])
    }

    private var bytes: Int {
        let headers = record.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.count }
        return (record.key?.count ?? 0) + (record.value?.count ?? 0) + headers
    }
}

extension Header {
    /// The value as text that PostgreSQL can keep: every character but U+0000.
    fileprivate var text: String { String(decoding: value, as: UTF8.self).filter { $0 != "\0" } }
}

enum DeadLetterStore {
    static func save(
        _ letters: [DeadLetter], group: String, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let letters = try unknown(letters, group: group, in: transaction)
        guard !letters.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY dead_letter (worker_group, topic, partition, record_offset, record_at, record_key, record_value,
                headers, error_class, error_code, error_message, replay_count) FROM STDIN (FORMAT binary)
                """
        ) { writer in
            for letter in letters { write(letter, group: group, to: &writer) }
        }
    }

    /// The letters that are not there yet: an operator may have moved the partition back.
    private static func unknown(
        _ letters: [DeadLetter], group: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [DeadLetter] {
        guard !letters.isEmpty else { return [] }
        let sources = letters.map(\.record.source)
        let known = try transaction.query(
            """
            SELECT l.n FROM dead_letter d
            JOIN unnest($2::text[], $3::int4[], $4::int8[]) WITH ORDINALITY AS l(topic, partition, record_offset, n)
              ON d.topic = l.topic AND d.partition = l.partition AND d.record_offset = l.record_offset
            WHERE d.worker_group = $1
            """, .text(group), .texts(sources.map(\.topic)), .int4s(sources.map(\.partition)),
            .int8s(letters.map(\.record.offset))
        ) { row in Int(try row.int8(0)) - 1 }
        let positions = Set(known)
        return letters.enumerated().filter { !positions.contains($0.offset) }.map(\.element)
    }

    private static func write(_ letter: DeadLetter, group: String, to writer: inout CopyWriter) {
        let record = letter.record
        let replays = record.headers.last { $0.name == "replay-count" }.flatMap {
            Int32(String(decoding: $0.value, as: UTF8.self))
        }
        writer.beginRow(columns: 12)
        writer.text(group)
        writer.text(record.source.topic)
        writer.int4(record.source.partition)
        writer.int8(record.offset)
        writer.timestamp(record.writtenAt.microsecondsSinceEpoch)
        writer.bytesOrNull(record.key)
        writer.bytesOrNull(record.value)
        writer.jsonb(json(record.headers))
        writer.text("data")
        writer.int4(letter.reason.code.rawValue)
        // PostgreSQL's text holds every character but U+0000.
        writer.text("\(letter.reason.code.sentence) \(letter.reason.measured)".filter { $0 != "\0" })
        writer.int4(replays ?? 0)
    }

    private static func json(_ headers: [Header]) -> String {
        var writer = JSONWriter()
        writer.array(headers) { writer, header in
            writer.array([header.name, header.text]) { $0.string($1) }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
