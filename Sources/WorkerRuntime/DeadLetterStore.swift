import Domain
import Events
import Kafka
import Outbox
import Postgres

/// A record that will not be processed, kept byte for byte.
struct DeadLetter: Sendable {
    let record: Record
    let reason: DeadLetterReason

    /// Bytes of a value that a broker with usual limits takes; a larger one stays in the table alone.
    static let payloadBytesMaximum = 900_000

    /// The record as it goes to `<topic>.dlq`: original key, value and headers, and where and why it ended.
    func message(group: String) -> OutboxMessage {
        let source = record.source
        let isOversize = (record.value?.count ?? 0) > DeadLetter.payloadBytesMaximum
        return OutboxMessage(
            topic: TopicName.deadLetters(of: source.topic), key: record.key.map { Array($0) },
            messageID: Identifier(
                hashing: "dead", group, source.topic, String(source.partition), String(record.offset)),
            payload: isOversize ? nil : record.value.map { Array($0) },
            headers: record.headers.map { ($0.name, $0.text) } + [
                ("source-topic", source.topic), ("source-partition", String(source.partition)),
                ("source-offset", String(record.offset)), ("source-timestamp", String(record.timestampMilliseconds)),
                ("source-bytes", String(record.value?.count ?? 0)), ("error-class", "data"),
                ("error-code", String(reason.code.rawValue)), ("error-message", reason.code.sentence),
                ("worker-group", group),
            ])
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
        writer.timestamp(record.timestampMilliseconds * 1_000)
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
