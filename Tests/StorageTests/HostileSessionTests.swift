import DevKit
import Domain
import Postgres
import Storage
import Testing

@Suite("A hostile session as the application's role")
struct HostileSessionTests {
    static let attacks: [(String, Statement, sqlState: String)] = [
        ("edits a posting", "UPDATE ledger_posting SET amount_minor = 1", "42501"),
        ("removes postings", "DELETE FROM ledger_posting", "42501"),
        ("empties the postings", "TRUNCATE ledger_posting", "42501"),
        ("renames a transaction", "UPDATE ledger_transaction SET kind = 'x'", "42501"),
        ("removes a transaction", "DELETE FROM ledger_transaction", "42501"),
        ("rewrites a commission's history", "UPDATE commission_event SET actor = 'me'", "42501"),
        ("forgets a commission's history", "DELETE FROM commission_event", "42501"),
        ("changes a rule", "UPDATE rule_version SET definition = '{\"action\": {\"percent\": 9999}}'", "42501"),
        ("changes a quote", "UPDATE fx_quote SET mantissa = 1", "42501"),
        ("reopens a period", "DELETE FROM accounting_period", "42501"),
        ("changes a statement", "UPDATE period_statement SET closing_minor = 0", "42501"),
        ("drops a month that is kept", "SELECT drop_month('event', date_trunc('month', now())::date)", "42501"),
        ("shortens what is kept", "UPDATE retention_policy SET keep_days = 31", "42501"),
        ("forgets what was dropped", "DELETE FROM dropped_month", "42501"),
        ("drops a month by hand", "DROP TABLE event", "42501"),
        ("makes a table of its own choice", "SELECT make_month('ledger_posting', '2026-03-01')", "22023"),
        ("rewrites the audit log", "UPDATE audit_log SET actor = 'me'", "42501"),
        ("silences the guards", "ALTER TABLE ledger_posting DISABLE TRIGGER ALL", "42501"),
        ("lets no trigger fire", "SET session_replication_role = replica", "42501"),
        ("removes the guards", "DROP TRIGGER ledger_posting_append_only ON ledger_posting", "42501"),
        (
            "replaces the guards", "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE sql AS ''",
            "42501"
        ),
        ("drops the ledger", "DROP TABLE ledger_posting", "42501"),
        ("loosens the ledger", "ALTER TABLE ledger_posting DROP CONSTRAINT ledger_posting_amount_minor_check", "42501"),
        ("puts its own table first", "CREATE TABLE public.ledger_posting_2 (x integer)", "42501"),
        (
            "adds to a recorded transaction",
            "INSERT INTO ledger_posting VALUES (md5('1')::uuid, 1, 'a', 'EUR', 'exp:commission', 'exp:bad_debt', 5)",
            "23001"
        ),
        (
            "records one side only",
            "INSERT INTO ledger_posting VALUES (md5('1')::uuid, 1, 'a', 'EUR', 'exp:commission', NULL, 5)", "23502"
        ),
        (
            "moves a negative amount",
            "INSERT INTO ledger_posting VALUES (md5('1')::uuid, 1, 'a', 'EUR', 'exp:commission', 'exp:bad_debt', -5)",
            "23514"
        ),
        (
            "moves money from an account to itself",
            "INSERT INTO ledger_posting VALUES (md5('1')::uuid, 1, 'a', 'EUR', 'exp:bad_debt', 'exp:bad_debt', 5)",
            "23514"
        ),
        (
            "posts without a transaction",
            "INSERT INTO ledger_posting VALUES (md5('9')::uuid, 0, 'a', 'EUR', 'exp:commission', 'exp:bad_debt', 5)",
            "23503"
        ),
        ("changes an imported row behind the check", "UPDATE import_row SET payload = '{}'", "42501"),
        ("forgets that a file was imported", "DELETE FROM import", "42501"),
        (
            "records an event twice",
            """
            INSERT INTO ledger_transaction VALUES
                (md5('1')::uuid, 'k', 'commission', md5('2')::uuid, NULL, '2026-03-05T00:00:00Z')
            """, "23505"
        ),
        (
            "backdates into a closed period",
            """
            INSERT INTO ledger_transaction VALUES
                (md5('3')::uuid, 'k3', 'commission', md5('2')::uuid, NULL, '2026-02-05T00:00:00Z')
            """, "40001"
        ),
    ]

    @Test("It can neither unbalance nor edit nor delete what was recorded")
    func attacks() async throws {
        try await TestDatabase.with(poolSize: 1) { database in
            try await prepare(database)
            let pool = try await database.makeApplicationPool()
            for (name, attack, sqlState) in HostileSessionTests.attacks {
                let error = await #expect(throws: PostgresError.self, "it \(name)") {
                    try await pool.transaction(attempts: 1) { t throws(PostgresError) in _ = try t.run(attack) }
                }
                #expect(error?.sqlState == sqlState, "it \(name): \(error?.message ?? "")")
            }
            // What it is for, it can do.
            let euro = try #require(Currency(code: "EUR"))
            let honest = LedgerTransaction(
                key: "honest", kind: "test", inputHash: Identifier(hashing: "honest"),
                postings: [LedgerOccasion.topUp.posting(currency: euro, amountMinor: 7)])
            try await pool.transaction { transaction throws(PostgresError) in
                try LedgerStore.append([honest], in: transaction, at: Books.moment(day: 20_520))
            }
            let refusal = try await pool.transaction { transaction throws(PostgresError) in
                try PeriodStore.close(
                    CivilDate(daysSinceEpoch: 20_520), by: "test", at: Books.moment(day: 20_560), in: transaction)
            }
            #expect(refusal == nil)
            await pool.close()
            let rows = try await database.pool.transaction { transaction throws(PostgresError) in
                try transaction.query("SELECT string_agg(amount_minor::text, ' ') FROM ledger_posting") { row in
                    try row.text(0)
                }
            }
            #expect(rows == ["100 7"])
            #expect(
                try await database.pool.transaction { t throws(PostgresError) in
                    try ApplicationRole.isTooPowerful(in: t)
                })
        }
    }

    private func prepare(_ database: TestDatabase) async throws {
        try await database.pool.transaction { t throws(PostgresError) in
            try t.run(
                """
                INSERT INTO ledger_transaction (transaction_id, key, kind, input_hash, recorded_at)
                VALUES (md5('1')::uuid, 'k', 'commission', md5('2')::uuid, '2026-02-04T00:00:00Z')
                """)
            try t.run(
                """
                INSERT INTO ledger_posting
                VALUES (md5('1')::uuid, 0, 'a', 'EUR', 'exp:commission', 'liab:affiliate:pending', 100)
                """)
        }
        let refusal = try await database.pool.transaction { transaction throws(PostgresError) in
            try PeriodStore.close(
                CivilDate(daysSinceEpoch: 20_486), by: "test", at: Books.moment(day: 20_516), in: transaction)
        }
        #expect(refusal == nil)
    }
}
