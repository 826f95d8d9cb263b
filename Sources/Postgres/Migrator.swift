/// Brings a database to the schema that this program was written for.
///
/// Each migration runs in a transaction of its own, together with its line in `schema_migration` and under an advisory
/// lock. Any number of migrators may start at once: each migration is applied once, and the others go on from there.
public struct Migrator: Sendable {
    private let migrations: [Migration]

    /// - Parameter directory: the migrations in the order of their numbers, from `Migration.load(directory:)`.
    public init(directory migrations: [Migration]) {
        self.migrations = migrations
    }

    /// Applies what is pending, each migration in turn.
    /// - Throws: before anything is applied, if an applied migration was changed, is missing or came out of order.
    public func apply(on pool: PostgresPool) async throws(MigrationError) -> MigrationReport {
        var applied: [String] = []
        while let next = try await status(on: pool).next {
            if try await apply(next, on: pool) { applied.append(next.file) }
        }
        return MigrationReport(applied: applied, version: migrations.last?.version ?? 0)
    }

    /// Compares the database with the migrations without changing either.
    public func status(on pool: PostgresPool) async throws(MigrationError) -> MigrationStatus {
        let applied: [AppliedMigration]
        do throws(PostgresError) {
            applied = try await pool.transaction { (transaction) throws(PostgresError) in
                let exists = try transaction.query("SELECT to_regclass('schema_migration') IS NOT NULL") {
                    try $0.bool(0)
                }
                return exists == [true] ? try Migrator.readApplied(transaction) : []
            }
        } catch {
            throw .database(error)
        }
        try compare(applied)
        return MigrationStatus(applied: applied.map(\.file), pending: Array(migrations.dropFirst(applied.count)))
    }

    /// - Returns: false if another migrator was faster.
    private func apply(_ migration: Migration, on pool: PostgresPool) async throws(MigrationError) -> Bool {
        do throws(PostgresError) {
            return try await pool.transaction(attempts: 20) { (transaction) throws(PostgresError) in
                try Migrator.lock(transaction)
                let applied = try Migrator.readApplied(transaction)
                if applied.contains(where: { $0.version == migration.version }) { return false }
                try transaction.runScript(migration.sql)
                try transaction.run(
                    "INSERT INTO schema_migration (version, name, sha256) VALUES ($1, $2, $3)",
                    .int4(migration.version), .text(migration.name), .bytes(migration.checksum))
                return true
            }
        } catch {
            throw .failed(file: migration.file, error)
        }
    }

    /// What is applied must be the beginning of what we have.
    private func compare(_ applied: [AppliedMigration]) throws(MigrationError) {
        for (index, old) in applied.enumerated() {
            guard let own = migrations.first(where: { $0.version == old.version }) else {
                throw .missing(file: old.file)
            }
            guard own.checksum == old.checksum else { throw .changed(file: own.file) }
            guard migrations[index].version == old.version else {
                throw .outOfOrder(file: migrations[index].file, applied: old.file)
            }
        }
    }

    /// One migrator at a time, until its transaction ends. A migration may take longer than a statement otherwise may.
    private static func lock(_ transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run("SELECT pg_advisory_xact_lock(7308604911)")
        try transaction.run("SET LOCAL statement_timeout = 0")
        try transaction.run(
            """
            CREATE TABLE IF NOT EXISTS schema_migration (
                version    integer     PRIMARY KEY,
                name       text        NOT NULL,
                sha256     bytea       NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """)
    }

    private static func readApplied(_ transaction: borrowing Transaction) throws(PostgresError) -> [AppliedMigration] {
        try transaction.query("SELECT version, name, sha256 FROM schema_migration ORDER BY version") {
            AppliedMigration(version: try $0.int4(0), name: try $0.text(1), checksum: try $0.bytes(2))
        }
    }
}

/// What one run of the migrator did.
public struct MigrationReport: Hashable, Sendable {
    /// The files that this run applied, in order.
    public let applied: [String]
    /// The version of the schema now; 0 without migrations.
    public let version: Int32
}

/// How far a database is.
public struct MigrationStatus: Sendable {
    /// The files that are applied.
    public let applied: [String]
    /// What is still to be applied, in order.
    public let pending: [Migration]

    var next: Migration? { pending.first }
}

/// One line of `schema_migration`.
private struct AppliedMigration: Sendable {
    let version: Int32
    let name: String
    let checksum: [UInt8]

    var file: String { Migration(version: version, name: name, sql: "").file }
}
