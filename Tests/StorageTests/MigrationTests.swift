import DevKit
import Postgres
import Storage
import Testing

@Suite struct MigrationTests {
    @Test("Every migration applies to an empty database")
    func applyAll() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let migrations = try StorageMigrations.all
            let report = try await Migrator(directory: migrations).apply(on: database.pool)
            #expect(report.applied == migrations.map(\.file))
            #expect(report.applied.first == "0001_fleet.sql")
            #expect(migrations.map(\.version) == Array(1...Int32(migrations.count)))
        }
    }
}
