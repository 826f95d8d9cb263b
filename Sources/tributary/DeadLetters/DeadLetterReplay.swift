import ArgumentParser
import Domain
import Events
import Foundation
import Kafka
import Outbox
import Postgres

extension DeadLetters {
    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends open dead letters to their topic again. Says what it would do, unless --apply is given.",
            discussion: """
                Key, value and headers are the original ones; the header replay-count rises by one, and a record that
                was
                replayed \(DeadLetterReplay.replaysMaximum) times stays where it is. The change of status, the message
                and
                an audit row are one transaction; what it could not send, the next replay sends.
                """)

        @OptionGroup var database: DatabaseOptions
        @OptionGroup var broker: BrokerOptions
        @OptionGroup var filter: Filter
        @Argument(help: "Ids, as listed; all open ones of the filter if none is given.") var ids: [Int64] = []
        @Flag(help: "Do it.") var apply = false
        @Option(help: "Who does it, for the audit.") var actor: String = ProcessInfo.processInfo.userName

        func run() async throws {
            let settings = apply ? try broker.required() : broker.settings
            let (filter, ids, actor, apply) = (filter, ids, actor, apply)
            try await database.withPool { pool in
                let letters = try await pool.transaction { (transaction) throws(PostgresError) in
                    let letters = try DeadLetterReplay.candidates(filter, ids: ids, in: transaction)
                    if apply { try DeadLetterReplay.commit(letters, actor: actor, in: transaction) }
                    return letters
                }
                for letter in letters {
                    print("\(letter.topic)/\(letter.partition)@\(letter.offset) \(letter.errorCode) \(letter.message)")
                }
                guard apply, let settings else {
                    print("would replay \(letters.count); give --apply to do it")
                    return
                }
                let sent = try await DeadLetterReplay.publish(settings, pool: pool)
                print("replayed \(letters.count), sent \(sent)")
            }
        }
    }
}

/// Sends dead letters to their topics again, through a lane of its own.
enum DeadLetterReplay {
    /// A record that failed so often will fail again.
    static let replaysMaximum: Int32 = 3

    private static let lane = Lane(emitter: "operator")
    private static let header = "replay-count"
    private static let rowsMaximum = 10_000
    /// Larger than any broker takes by default: whether it fits is the broker's to say.
    private static let messageBytesMaximum = 16 << 20

    static func candidates(
        _ filter: DeadLetters.Filter, ids: [Int64], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [DeadLetter] {
        // So that two replays at once do not both take the same letters.
        try transaction.run("LOCK TABLE dead_letter IN SHARE ROW EXCLUSIVE MODE")
        let open = try DeadLetter.load(
            group: filter.group, topic: filter.topic, status: "open", limit: filter.limit, in: transaction)
        return open.filter { letter in
            letter.replayCount < replaysMaximum && (ids.isEmpty || ids.contains(letter.id))
        }
    }

    static func commit(
        _ letters: [DeadLetter], actor: String, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !letters.isEmpty else { return }
        try transaction.run(
            "UPDATE dead_letter SET status = 'replayed' WHERE dead_letter_id = ANY($1::int8[])",
            .int8s(letters.map(\.id)))
        try OutboxStore.append(letters.map(message), to: lane, in: transaction)
        var detail = JSONWriter()
        detail.object { $0.member("dead_letters", letters) { $0.integer($1.id) } }
        try transaction.run(
            "INSERT INTO operator_action (actor, action, detail) VALUES ($1, 'replay dead letters', $2)",
            .text(actor), .jsonb(String(decoding: detail.bytes, as: UTF8.self)))
    }

    private static func message(_ letter: DeadLetter) -> OutboxMessage {
        let pairs = JSONTree(ArraySlice(letter.headers.utf8))?.array ?? []
        let headers = pairs.compactMap { pair -> (name: String, value: String)? in
            guard let parts = pair.array, parts.count == 2, let name = parts[0].string, let value = parts[1].string,
                name != header
            else { return nil }
            return (name, value)
        }
        return OutboxMessage(
            topic: letter.topic, key: letter.key,
            messageID: Identifier(hashing: "replay", String(letter.id), String(letter.replayCount)),
            payload: letter.value, headers: headers + [(header, String(letter.replayCount + 1))])
    }

    /// Sends what the lane still owes, of this replay and of ones before that were cut short.
    ///
    /// Two at once may send a record twice, which its readers recognise.
    /// - Returns: how many records were sent.
    static func publish(_ settings: KafkaSettings, pool: PostgresPool) async throws -> Int {
        let rows = try await pool.transaction { (transaction) throws(PostgresError) in
            let published = try transaction.query(
                "SELECT published_upto FROM stream_offset WHERE worker_group = $1 AND topic = ''",
                .text(lane.workerGroup)
            ) { row in try row.int8(0) }
            return try OutboxStore.load(lane, from: published.first ?? 0, limit: rowsMaximum, in: transaction)
        }
        guard let last = rows.last else { return 0 }
        let producer = try KafkaProducer(
            ProducerConfiguration(
                settings: settings, clientID: "tributary-dlq", messageBytesMaximum: messageBytesMaximum),
            logger: .standardError)
        let results = await producer.publish(
            rows.map { row in
                OutgoingMessage(
                    topic: row.message.topic, key: row.message.key, value: row.message.payload,
                    headers: row.message.headers.map { Header(name: $0.name, value: Array($0.value.utf8)) })
            })
        await producer.close()
        for case .failed(let error) in results { throw error }
        try await pool.transaction { (transaction) throws(PostgresError) in
            _ = try transaction.run(
                """
                UPDATE stream_offset SET published_upto = GREATEST(published_upto, $2), updated_at = now()
                WHERE worker_group = $1 AND topic = ''
                """, .text(lane.workerGroup), .int8(last.sequence + 1))
        }
        return rows.count
    }
}
