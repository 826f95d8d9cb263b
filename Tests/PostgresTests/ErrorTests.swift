import DevKit
import Postgres
import Testing

@Suite struct ErrorTests {
    @Test(
        "Each SQLSTATE has its class",
        arguments: [
            ("40001", ErrorClass.retry), ("40P01", .retry), ("55P03", .retry), ("57014", .retry),
            ("08006", .infrastructure), ("53300", .infrastructure), ("53100", .infrastructure),
            ("57P01", .infrastructure),
            ("57P03", .infrastructure), ("58030", .infrastructure), ("XX000", .infrastructure),
            ("25P03", .infrastructure),
            ("25006", .infrastructure), ("42703", .deployment), ("42P01", .deployment), ("28P01", .deployment),
            ("3D000", .deployment), ("22003", .data), ("22021", .data), ("23505", .data), ("21000", .data),
            ("P0001", .data), ("54000", .data), ("25P02", .bug), ("", .bug), ("?", .bug),
        ])
    func classes(state: String, expected: ErrorClass) {
        #expect(ErrorClass(sqlState: state) == expected)
    }

    @Test(
        "A failed statement carries its SQLSTATE and no values",
        arguments: [
            ("SELECT 1/0" as Statement, "22012", ErrorClass.data),
            ("SELECT 'secret'::int", "22P02", .data),
            ("SELECT secret FROM nowhere", "42P01", .deployment),
            ("SELEC", "42601", .deployment),
            ("SELECT count(*) FROM generate_series(1, 10000000000)", "57014", .retry),
            ("SELECT 1::numeric(1) / 0.00001 * 1e30::float8 / 0", "22012", .data),
        ])
    func serverErrors(statement: Statement, state: String, expected: ErrorClass) async throws {
        try await TestDatabase.with(poolSize: 1, migrated: false) { database in
            let pool = database.makePool(size: 1) { $0.session.statementTimeout = .milliseconds(100) }
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction(attempts: 1) { t throws(PostgresError) in _ = try t.run(statement) }
            }
            #expect(error?.sqlState == state)
            #expect(error?.errorClass == expected)
            #expect(error?.statement == statement.description)
            #expect(error?.message.contains("secret") == false)
            try await pool.ping()
            await pool.close()
        }
    }

    @Test("A violated constraint is named, its values are not")
    func constraint() async throws {
        try await TestDatabase.with(poolSize: 1, migrated: false) { database in
            let error = await #expect(throws: PostgresError.self) {
                try await database.pool.transaction { t throws(PostgresError) in
                    try t.run("CREATE TABLE person (email text CONSTRAINT person_email UNIQUE)")
                    try t.run("INSERT INTO person VALUES ($1), ($1)", .text("ann@example.org"))
                }
            }
            #expect(error?.isUniqueViolation == true)
            #expect(error?.constraint == "person_email")
            #expect(error.map { "\($0)".contains("ann@") } == false)
        }
    }

    @Test(
        "A wrong address is a configuration error, a closed port an infrastructure error",
        arguments: [
            ("postgres://[", PostgresError.Code.configuration, ErrorClass.deployment),
            ("host=127.0.0.1 port=1 dbname=x user=x", .cannotConnect, .infrastructure),
        ])
    func cannotConnect(url: String, code: PostgresError.Code, expected: ErrorClass) async throws {
        let configuration = PostgresConfiguration(url: url, poolSize: 1, applicationName: "test")
        let pool = PostgresPool(configuration, logger: .silent)
        let error = await #expect(throws: PostgresError.self) { try await pool.ping() }
        #expect(error?.code == code)
        #expect(error?.errorClass == expected)
    }

    @Test("A statement that outlived its table's shape is prepared anew")
    func stalePlan() async throws {
        try await TestDatabase.with(poolSize: 1, migrated: false) { database in
            let pool = database.pool
            let read: @Sendable () async throws -> [Int] = {
                try await pool.transaction { t throws(PostgresError) in
                    try t.query("SELECT * FROM shape") { (try? $0.int8(1)) == nil ? 1 : 2 }
                }
            }
            try await pool.transaction { t throws(PostgresError) in
                try t.run("CREATE TABLE shape (a bigint)")
                try t.run("INSERT INTO shape VALUES (1)")
            }
            #expect(try await read() == [1])
            try await pool.transaction { t throws(PostgresError) in
                _ = try t.run("ALTER TABLE shape ADD COLUMN b bigint DEFAULT 2")
            }
            #expect(try await read() == [2])
        }
    }
}
