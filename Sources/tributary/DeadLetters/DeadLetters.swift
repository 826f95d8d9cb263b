import ArgumentParser
import Postgres

struct DeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dlq", abstract: "Shows and replays records that no worker could process.",
        subcommands: [List.self, Show.self, Replay.self])

    /// Which dead letters are meant.
    struct Filter: ParsableArguments {
        @Option(help: "Of this worker group only.") var group: String?
        @Option(help: "Of this topic only.") var topic: String?
        @Option(help: "At most so many.") var limit = 100
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists them, the oldest first.")

        @OptionGroup var database: DatabaseOptions
        @OptionGroup var filter: Filter
        @Option(help: "open, replayed, discarded, or all.") var status = "open"

        func run() async throws {
            let filter = filter
            let status = status == "all" ? nil : status
            let letters = try await database.withPool { pool in
                try await pool.transaction { (transaction) throws(PostgresError) in
                    try DeadLetter.load(
                        group: filter.group, topic: filter.topic, status: status, limit: filter.limit, in: transaction)
                }
            }
            let rows = letters.map { letter in
                [
                    String(letter.id), letter.group, "\(letter.topic)/\(letter.partition)@\(letter.offset)",
                    String(letter.errorCode), letter.status, String(letter.replayCount), letter.createdAt,
                    letter.message,
                ]
            }
            print(
                Table(
                    columns: ["id", "group", "record", "code", "status", "replays", "at", "message"], rows: rows
                ).text)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one with its key and value.")

        @OptionGroup var database: DatabaseOptions
        @Argument(help: "Its id, as listed.") var id: Int64

        func run() async throws {
            let id = id
            let letters = try await database.withPool { pool in
                try await pool.transaction { (transaction) throws(PostgresError) in
                    try DeadLetter.load(id: id, status: nil, limit: 1, in: transaction)
                }
            }
            guard let letter = letters.first else { throw ValidationError("there is no dead letter \(id)") }
            print(
                """
                id:      \(letter.id)
                group:   \(letter.group)
                record:  \(letter.topic)/\(letter.partition)@\(letter.offset)
                error:   \(letter.errorClass) \(letter.errorCode), \(letter.message)
                status:  \(letter.status), replayed \(letter.replayCount) times
                at:      \(letter.createdAt)
                key:     \(DeadLetter.shown(letter.key))
                value:   \(DeadLetter.shown(letter.value))
                """)
        }
    }
}
