import DevKit
import Domain
import Postgres
import Storage
import Testing

@Suite("Due commissions")
struct DueCommissionTests {
    @Test("A decision reads the commissions it is about, not all that are pending")
    func readsByID() async throws {
        try await TestDatabase.with { database in
            try await fill(database)
            let before = try await entriesRead(database)
            let count = try await database.pool.transaction { transaction throws(PostgresError) in
                let ids = try transaction.query(
                    "SELECT md5((4 * n)::text)::uuid FROM generate_series(1, 200) n"
                ) {
                    row throws(PostgresError) in Identifier(try row.uuid(0))
                }
                return try CommissionStore.decide(ids, at: now, in: transaction)
            }
            #expect(count.approved == 200)
            #expect(try await entriesRead(database) - before == 0, "the index of pending commissions was walked")
        }
    }

    private let now = Books.moment(day: 20_500)

    private func fill(_ database: TestDatabase) async throws {
        try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.run("INSERT INTO program (program_id, name, currency) VALUES ('p', 'p', 'USD')")
            try transaction.run("INSERT INTO affiliate (affiliate_id, name) VALUES ('a', 'a')")
            try transaction.run(
                """
                INSERT INTO commission (commission_id, conversion_id, affiliate_id, program_id, currency, base_minor,
                    amount_minor, status, hold_until, transaction_id, recorded_at)
                SELECT md5(n::text)::uuid, md5(n::text)::uuid, 'a', 'p', 'USD', 100, 0,
                    'pending', $1, md5('t')::uuid, $1
                FROM generate_series(1, 20000) n
                """, .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
            try transaction.run(
                """
                INSERT INTO fraud_conversion (conversion_id, affiliate_id, verdict, codes, judged_at)
                SELECT conversion_id, 'a', 'clear', '{}', $1 FROM commission
                """, .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
        }
    }

    /// Entries of the index of pending commissions that were read so far.
    private func entriesRead(_ database: TestDatabase) async throws -> Int64 {
        _ = try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.run("SELECT pg_stat_force_next_flush()")
        }
        return try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.query(
                "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'commission_due'"
            ) { row throws(PostgresError) in try row.int8(0) }.first ?? -1
        }
    }
}
