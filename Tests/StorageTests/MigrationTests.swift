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

    @Test(
        "No session can change, remove or unbalance what the ledger recorded",
        arguments: [
            "UPDATE ledger_posting SET amount_minor = 1" as Statement,
            "DELETE FROM ledger_posting",
            "TRUNCATE ledger_posting",
            "UPDATE ledger_transaction SET kind = 'x'",
            "DELETE FROM ledger_transaction",
            "TRUNCATE ledger_transaction CASCADE",
            "INSERT INTO ledger_posting VALUES (md5('1')::uuid, 2, 'a', 'EUR', 'exp:commission', 'exp:bad_debt', 0)",
            "INSERT INTO ledger_posting VALUES (md5('1')::uuid, 2, 'a', 'EUR', 'exp:commission', 'exp:bad_debt', -5)",
            "INSERT INTO ledger_posting VALUES (md5('1')::uuid, 2, 'a', 'EUR', 'exp:commission', 'exp:commission', 5)",
            "INSERT INTO ledger_posting VALUES (md5('1')::uuid, 2, 'a', 'EUR', 'exp:commission', NULL, 5)",
            "INSERT INTO ledger_posting VALUES (md5('9')::uuid, 0, 'a', 'EUR', 'exp:commission', 'exp:bad_debt', 5)",
            "INSERT INTO ledger_posting VALUES (md5('1')::uuid, 0, 'a', 'EUR', 'exp:commission', 'exp:bad_debt', 5)",
        ])
    func hostileSession(attack: Statement) async throws {
        try await TestDatabase.with(poolSize: 1) { database in
            try await database.pool.transaction { t throws(PostgresError) in
                try t.run(
                    """
                    INSERT INTO ledger_transaction (transaction_id, key, kind, input_hash, recorded_at)
                    VALUES (md5('1')::uuid, 'k', 'commission',
                            '00000000-0000-0000-0000-000000000002', now())
                    """)
                try t.run(
                    """
                    INSERT INTO ledger_posting
                    VALUES (md5('1')::uuid, 0, 'a', 'EUR', 'exp:commission',
                            'liab:affiliate:pending', 100)
                    """)
            }
            let error = await #expect(throws: PostgresError.self) {
                try await database.pool.transaction { t throws(PostgresError) in _ = try t.run(attack) }
            }
            #expect(error?.sqlState?.hasPrefix("23") == true)
            let sums = try await database.pool.transaction { t throws(PostgresError) in
                try t.query("SELECT count(*), sum(amount_minor)::bigint FROM ledger_posting") {
                    [try $0.int8(0), try $0.int8(1)]
                }
            }
            #expect(sums == [[1, 100]])
        }
    }
}
