import DevKit
import Foundation
import Postgres
import Testing

@Suite struct MigratorTests {
    private static let first = Migration(
        version: 1, name: "one", sql: "CREATE TABLE one (id int); INSERT INTO one VALUES (1)")
    private static let second = Migration(version: 2, name: "two", sql: "INSERT INTO one VALUES (2)")

    @Test("Migrations are applied once, in order, and a second run finds nothing to do")
    func appliesOnce() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let early = try await Migrator(directory: [MigratorTests.first]).apply(on: database.pool)
            #expect(early.applied == ["0001_one.sql"])
            #expect(early.version == 1)
            let migrator = Migrator(directory: [MigratorTests.first, MigratorTests.second])
            #expect(try await migrator.status(on: database.pool).pending == [MigratorTests.second])
            #expect(try await migrator.apply(on: database.pool).applied == ["0002_two.sql"])
            #expect(try await migrator.apply(on: database.pool).applied == [])
            #expect(try await MigratorTests.count(database) == 2)
        }
    }

    @Test(
        "Changed, missing and late migrations are refused by name",
        arguments: [
            (
                [Migration(version: 1, name: "one", sql: "SELECT 1"), second],
                MigrationError.changed(file: "0001_one.sql")
            ),
            ([second], .missing(file: "0001_one.sql")),
            ([first], .missing(file: "0002_two.sql")),
            (
                [first, second, Migration(version: 0, name: "late", sql: "")].sorted { $0.version < $1.version },
                .outOfOrder(file: "0000_late.sql", applied: "0001_one.sql")
            ),
        ])
    func refuses(migrations: [Migration], expected: MigrationError) async throws {
        try await TestDatabase.with(migrated: false) { database in
            let migrator = Migrator(directory: [MigratorTests.first, MigratorTests.second])
            _ = try await migrator.apply(on: database.pool)
            await #expect(throws: expected) {
                _ = try await Migrator(directory: migrations).apply(on: database.pool)
            }
        }
    }

    @Test("A migration that fails leaves nothing behind and names its file")
    func failing() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let bad = Migration(version: 2, name: "bad", sql: "INSERT INTO one VALUES (3); SELECT 1/0")
            let error = await #expect(throws: MigrationError.self) {
                try await Migrator(directory: [MigratorTests.first, bad]).apply(on: database.pool)
            }
            guard case .failed("0002_bad.sql", let cause) = error else {
                Issue.record("unexpected \(String(describing: error))")
                return
            }
            #expect(cause.sqlState == "22012")
            let rows = try await MigratorTests.count(database)
            #expect(rows == 1)
        }
    }

    @Test("Two migrators at once apply each migration once")
    func concurrent() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let migrator = Migrator(directory: [MigratorTests.first, MigratorTests.second])
            async let left = migrator.apply(on: database.makePool(size: 1))
            async let right = migrator.apply(on: database.makePool(size: 1))
            let applied = try await left.applied + right.applied
            #expect(applied.sorted() == ["0001_one.sql", "0002_two.sql"])
            #expect(try await MigratorTests.count(database) == 2)
        }
    }

    @Test(
        "A directory with a badly named or doubled file is refused",
        arguments: [
            (["1_x.sql"], MigrationError.badName(file: "1_x.sql")),
            (["0001_a.sql", "0001_b.sql"], .duplicateVersion(file: "0001_b.sql", other: "0001_a.sql")),
        ])
    func badDirectory(files: [String], expected: MigrationError) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("migrations-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for file in files { try Data().write(to: directory.appendingPathComponent(file)) }
        #expect(throws: expected) { try Migration.load(directory: directory) }
    }

    private static func count(_ database: TestDatabase) async throws -> Int64? {
        let counts = try await database.pool.transaction { t throws(PostgresError) in
            try t.query("SELECT count(*) FROM one") { try $0.int8(0) }
        }
        return counts.first
    }
}
