import Kafka
import Postgres
import Storage
import Topics

/// What the doctor asks the database.
enum DatabaseExamination {
    /// The oldest server whose statements we use, as `server_version_num`.
    private static let oldestServer: Int64 = 140_000

    private struct Setting: Sendable {
        let name: String
        /// As the server tells it, in milliseconds; 0 is none.
        let milliseconds: Int64
    }

    static func run(pool: PostgresPool) async throws -> [HealthFinding] {
        var findings = try await pool.transaction { (transaction) throws(PostgresError) in
            try server(in: transaction) + timeouts(in: transaction)
        }
        let status = try await Migrator(directory: try StorageMigrations.all).status(on: pool)
        if status.pending.isEmpty {
            findings.append(.fine("the schema is that of this version, \(status.applied.count) migrations"))
            findings += try await pool.transaction { (transaction) throws(PostgresError) in
                try held(in: transaction) + deadLetters(in: transaction) + role(in: transaction)
                    + RetentionExamination.run(at: systemNow(), in: transaction)
            }
        } else {
            findings.append(
                .fault("\(status.pending.count) migrations are not applied", fix: "run tributary migrate"))
        }
        return findings
    }

    private static func server(in transaction: borrowing Transaction) throws(PostgresError) -> [HealthFinding] {
        let version = try transaction.query(
            "SELECT current_setting('server_version_num')::int8, current_setting('server_version')"
        ) { row in (try row.int8(0), try row.text(1)) }
        guard let (number, name) = version.first, number >= oldestServer else {
            return [.fault("the database is older than PostgreSQL 14", fix: "upgrade it")]
        }
        return [.fine("the database is PostgreSQL \(name)")]
    }

    /// Without these a frozen owner's locks would last as long as its freeze.
    private static func timeouts(in transaction: borrowing Transaction) throws(PostgresError) -> [HealthFinding] {
        let settings = try transaction.query(
            """
            SELECT name, setting::int8 FROM pg_settings
            WHERE name IN ('idle_in_transaction_session_timeout', 'statement_timeout', 'lock_timeout') ORDER BY name
            """
        ) { row in Setting(name: try row.text(0), milliseconds: try row.int8(1)) }
        return settings.map { setting in
            setting.milliseconds > 0
                ? .fine("\(setting.name) is \(setting.milliseconds) ms")
                : .fault("\(setting.name) is off", fix: "connect directly, as a pooler may have dropped the setting")
        }
    }

    private static func role(in transaction: borrowing Transaction) throws(PostgresError) -> [HealthFinding] {
        guard try ApplicationRole.isTooPowerful(in: transaction) else {
            return [.fine("this role can add to the ledger and not change it")]
        }
        return [
            .warning(
                "this role owns the ledger and could change it",
                fix: "let workers and console connect as another, after tributary migrate --grant-to ROLE")
        ]
    }

    private static func held(in transaction: borrowing Transaction) throws(PostgresError) -> [HealthFinding] {
        try transaction.query(
            """
            SELECT worker_group, topic, partition, hold_reason, COALESCE(hold_detail, '') FROM stream_offset
            WHERE mode = 'held' ORDER BY worker_group, topic, partition
            """
        ) { row in
            let place = "\(try row.text(0)) holds \(try row.text(1))/\(try row.int4(2))"
            return .fault("\(place): \(try row.text(3)), \(try row.text(4))", fix: "mend the cause, then release it")
        }
    }

    private static func deadLetters(in transaction: borrowing Transaction) throws(PostgresError) -> [HealthFinding] {
        let open =
            try transaction.query("SELECT count(*) FROM dead_letter WHERE status = 'open'") {
                row in try row.int8(0)
            }.first ?? 0
        guard open > 0 else { return [.fine("no dead letter is open")] }
        return [.warning("\(open) dead letters are open", fix: "look at them with tributary dlq list")]
    }
}
