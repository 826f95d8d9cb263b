import DevKit
import Postgres
import Testing

@Suite struct TransactionTests {
    @Test("A transaction commits what its body did, and undoes it when the body throws")
    func commitsAndRollsBack() async throws {
        try await TestDatabase.with(migrated: false) { database in
            _ = try await database.pool.transaction { (t) throws(PostgresError) in
                try t.run("CREATE TABLE thing (id bigint PRIMARY KEY)")
            }
            let inserted = try await database.pool.transaction { t throws(PostgresError) in
                try t.run("INSERT INTO thing SELECT unnest($1::bigint[])", .int8s([1, 2, 3]))
            }
            #expect(inserted == 3)
            await #expect(throws: PostgresError.rollback("not wanted")) {
                try await database.pool.transaction { t throws(PostgresError) in
                    try t.run("INSERT INTO thing VALUES (4)")
                    throw PostgresError.rollback("not wanted")
                }
            }
            let ids = try await database.pool.transaction { t throws(PostgresError) in
                try t.query("SELECT id FROM thing ORDER BY id") { try $0.int8(0) }
            }
            #expect(ids == [1, 2, 3])
        }
    }

    @Test("A failure that the body swallows still undoes the transaction")
    func swallowedFailure() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let failure = await #expect(throws: PostgresError.self) {
                try await database.pool.transaction { t throws(PostgresError) in
                    try t.run("CREATE TABLE thing (id bigint PRIMARY KEY)")
                    do throws(PostgresError) { try t.run("SELECT 1/0") } catch { return }
                }
            }
            #expect(failure?.sqlState == "22012")
        }
    }
}
