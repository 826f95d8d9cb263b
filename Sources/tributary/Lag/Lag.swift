import ArgumentParser
import Foundation
import Kafka
import Topics

struct Lag: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows how far each worker group is behind, in every partition, owned or not.",
        discussion: """
            Positions come from the database, ends from the broker. A group that does not run, and a partition that
            nobody owns, are listed like the others. Exit code 1 if a partition is held.
            """)

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var directory: TopicOptions
    @Flag(help: "One JSON array instead of a table.") var json = false

    func run() async throws {
        let admin = try KafkaAdmin(try broker.required(), clientID: "tributary-lag", logger: .standardError)
        let readers = try directory.readers()
        let lag = try await database.withPool { pool in
            try await FleetLag.load(pool: pool, admin: admin, readers: readers)
        }
        await admin.close()
        if json { try printJSON(lag.rows) } else { print(Table.text(of: lag.rows)) }
        if lag.held != nil { throw ExitCode(1) }
    }

    private func printJSON(_ rows: [PartitionLag]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(rows), as: UTF8.self))
    }
}

extension Table {
    fileprivate static func text(of rows: [PartitionLag]) -> String {
        Table(
            columns: ["group", "topic", "partition", "owner", "epoch", "next", "high", "lag", "status"],
            rows: rows.map { row in
                [
                    row.group, row.topic, String(row.partition), row.owner.isEmpty ? "-" : row.owner,
                    String(row.epoch), shown(row.next), shown(row.high), shown(row.lag), row.status,
                ]
            }
        ).text
    }

    private static func shown(_ number: Int64?) -> String { number.map { String($0) } ?? "-" }
}
