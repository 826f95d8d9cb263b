import ArgumentParser
import Kafka
import Postgres

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Proves on live data that every effect happened exactly once.",
        discussion: """
            One line for each invariant, I1 to I7. It only reads, and may run while the fleet works. Without a broker,
            I5 and I6 look at the database alone. Exit code 1 on any break.
            """)

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var broker: BrokerOptions

    func run() async throws {
        let settings = broker.settings
        let findings = try await database.withPool { pool in try await Verification.run(pool: pool, broker: settings) }
        for finding in findings { print(finding.line) }
        guard findings.allSatisfy(\.isOK) else { throw ExitCode(1) }
    }
}

/// All invariants on the data as it is now.
enum Verification {
    /// - Parameter broker: nil leaves the topics unread.
    static func run(pool: PostgresPool, broker: KafkaSettings?) async throws -> [InvariantFinding] {
        let inDatabase: [Invariant] = [.oneOutcome, .oneEffect, .wholeBatches, .epochs, .money]
        var findings = try await pool.transaction(isolation: .repeatableRead) { (transaction) throws(PostgresError) in
            var findings: [InvariantFinding] = []
            for invariant in inDatabase { findings.append(try examine(invariant, in: transaction)) }
            return findings
        }
        if let broker {
            findings += try await TopicAudit.run(broker, pool: pool)
        } else {
            findings += try await pool.transaction { (transaction) throws(PostgresError) in
                [try examine(.keptMessages, in: transaction), try examine(.keptOrder, in: transaction)]
            }
        }
        return findings.sorted { $0.name < $1.name }
    }

    private static func examine(
        _ invariant: Invariant, in transaction: borrowing Transaction
    ) throws(PostgresError) -> InvariantFinding {
        var parts: [ClaimFinding] = []
        for check in invariant.checks { parts.append(try check.find(in: transaction)) }
        return InvariantFinding(name: invariant.name, parts: parts)
    }
}

extension Invariant {
    /// I5 without a broker.
    static let keptMessages = Invariant(
        name: "I5",
        checks: [
            InvariantCheck(
                claim: "kept messages have the bytes of their hash (the topics were not read: no broker is given)",
                statement: """
                    SELECT count(*), count(*) FILTER (WHERE broken), min(message_id::text) FILTER (WHERE broken) FROM (
                        SELECT message_id, substring(sha256(COALESCE(payload, '')) FOR 16)
                            <> decode(replace(payload_hash::text, '-', ''), 'hex') AS broken FROM outbox) o
                    """)
        ])

    /// I6 without a broker.
    static let keptOrder = Invariant(
        name: "I6",
        checks: [
            InvariantCheck(
                claim: "lanes published no further than they wrote (the topics were not read: no broker is given)",
                statement: """
                    SELECT count(*), count(*) FILTER (WHERE published_upto > next_out_seq),
                        min(worker_group) FILTER (WHERE published_upto > next_out_seq) FROM stream_offset
                    """)
        ])
}
