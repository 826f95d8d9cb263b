import Logging
public import Postgres
import Storage

/// A migrated database of its own for one test.
///
/// All tests of a process share one cluster and one migrated template; a test's database is a copy of that template.
public struct TestDatabase: Sendable {
    public let name: String
    public let url: String
    public let pool: PostgresPool
    public let cluster: PostgresCluster
    private let ownsCluster: Bool

    /// Makes a database; the first call of a process starts the cluster and migrates the template.
    /// - Parameter isMigrated: false gives an empty database.
    public static func fresh(poolSize: Int = 4, migrated isMigrated: Bool = true) async throws -> TestDatabase {
        try await SharedCluster.shared.makeDatabase(poolSize: poolSize, isMigrated: isMigrated)
    }

    /// Makes a migrated database in a cluster of its own, for a test that stops the server.
    public static func alone(poolSize: Int = 4) async throws -> TestDatabase {
        let cluster = try await PostgresCluster.start(durable: false, logger: SharedCluster.logger)
        let database = TestDatabase(
            name: alone, url: try await cluster.createDatabase(alone), poolSize: poolSize, on: cluster, owning: true)
        _ = try await Migrator(directory: StorageMigrations.all).apply(on: database.pool)
        return database
    }

    /// Starts a cluster from a backup of one that `alone` made.
    /// - Parameter backup: the directory, which stays behind.
    public static func restored(from backup: String, poolSize: Int = 4) async throws -> TestDatabase {
        let cluster = try await PostgresCluster.start(in: backup, durable: false, logger: SharedCluster.logger)
        return TestDatabase(
            name: alone, url: cluster.url(of: alone), poolSize: poolSize, on: cluster, owning: true)
    }

    /// The name of a database that has its cluster for itself.
    private static let alone = "test"

    fileprivate init(name: String, url: String, poolSize: Int, on cluster: PostgresCluster, owning: Bool = false) {
        self.name = name
        self.url = url
        self.cluster = cluster
        ownsCluster = owning
        var configuration = PostgresConfiguration(url: url, poolSize: poolSize, applicationName: "test")
        // All tests run at once: one that computes slowly between two statements is not frozen.
        configuration.session.idleInTransactionTimeout = .seconds(60)
        pool = PostgresPool(configuration, logger: SharedCluster.logger)
    }

    /// Makes a database, lends it, and drops it.
    public static func with<Output>(
        poolSize: Int = 4, migrated isMigrated: Bool = true, _ body: (TestDatabase) async throws -> Output
    ) async throws -> Output {
        let database = try await fresh(poolSize: poolSize, migrated: isMigrated)
        do {
            let output = try await body(database)
            try await database.drop()
            return output
        } catch {
            try await database.drop()
            throw error
        }
    }

    /// Another pool on the same database.
    public func makePool(
        size: Int = 4, _ change: (inout PostgresConfiguration) -> Void = { _ in }
    ) -> PostgresPool {
        var configuration = PostgresConfiguration(url: url, poolSize: size, applicationName: "test")
        change(&configuration)
        return PostgresPool(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Another pool on the same database, whose sessions have the rights of the application and no more; once for each.
    ///
    /// Roles belong to the cluster, which other tests share: this one has the name of the database.
    public func makeApplicationPool(size: Int = 1) async throws -> PostgresPool {
        try await pool.transaction { transaction throws(PostgresError) in
            try transaction.run("DO $$ BEGIN EXECUTE format('CREATE ROLE %I LOGIN', current_database()); END $$")
            try ApplicationRole.grant(to: name, in: transaction)
        }
        return makePool(size: size) { $0.url = url.replacing("postgres@", with: "\(name)@") }
    }

    /// The tables that have rows: those that migrations fill, of a fresh database.
    public func filledTables() async throws -> [String] {
        try await pool.transaction { transaction throws(PostgresError) in
            _ = try transaction.run("CREATE TEMP TABLE filled (name text) ON COMMIT DROP")
            _ = try transaction.run(
                """
                DO $$
                DECLARE
                    name text;
                    is_filled boolean;
                BEGIN
                    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO is_filled;
                        IF is_filled THEN INSERT INTO filled VALUES (name); END IF;
                    END LOOP;
                END $$
                """)
            return try transaction.query("SELECT name FROM filled ORDER BY name") { row in try row.text(0) }
        }
    }

    /// Empties the database, which takes milliseconds where making another one takes a second.
    /// - Parameter kept: tables that stay as they are.
    public func clear(except kept: [String]) async throws {
        try await pool.transaction { transaction throws(PostgresError) in
            // What keeps everybody else from deleting what was recorded.
            _ = try transaction.run("SET LOCAL session_replication_role = replica")
            _ = try transaction.run("SELECT set_config('test.kept', $1, true)", .text(kept.joined(separator: ",")))
            _ = try transaction.run(
                """
                DO $$
                DECLARE
                    name text;
                BEGIN
                    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
                        AND tablename <> ALL (string_to_array(current_setting('test.kept'), ',')) ORDER BY tablename
                    LOOP
                        EXECUTE format('DELETE FROM %I', name);
                    END LOOP;
                END $$
                """)
        }
    }

    /// Closes the pool and removes the database, and its cluster if that has no other.
    public func drop() async throws {
        await pool.close()
        if ownsCluster { await cluster.close() } else { try await cluster.dropDatabase(name) }
    }
}

/// The cluster of this process. It ends with the process, by the cluster's guard.
private actor SharedCluster {
    static let shared = SharedCluster()

    private static let template = "template_migrated"
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private var serial = 0
    /// Kept as a task, since tests ask for it at once and the first one starts it for all.
    private var starting: Task<PostgresCluster, any Error>?

    func makeDatabase(poolSize: Int, isMigrated: Bool) async throws -> TestDatabase {
        let cluster = try await startOnce()
        serial += 1
        let name = "test_\(serial)"
        let url = try await cluster.createDatabase(
            name, template: isMigrated ? SharedCluster.template : "template1")
        return TestDatabase(name: name, url: url, poolSize: poolSize, on: cluster)
    }

    private func startOnce() async throws -> PostgresCluster {
        if let starting { return try await starting.value }
        let task = Task { try await start() }
        starting = task
        return try await task.value
    }

    private func start() async throws -> PostgresCluster {
        let cluster = try await PostgresCluster.start(durable: false, logger: SharedCluster.logger)
        let url = try await cluster.createDatabase(SharedCluster.template)
        let pool = PostgresPool(
            PostgresConfiguration(url: url, poolSize: 1, applicationName: "test"), logger: SharedCluster.logger)
        _ = try await Migrator(directory: StorageMigrations.all).apply(on: pool)
        // A template can only be copied while nobody is connected to it.
        await pool.close()
        return cluster
    }
}
