import DevKit
import Domain
import Logging
import Postgres
import Storage
import Testing

@testable import Notifications

@Suite("News that no message tells of") struct NewsTests {
    /// A Wednesday: 2026-02-04T12:00:00Z.
    private static let now = Timestamp(secondsSinceEpoch: 1_770_206_400)

    private static func keeper(_ database: TestDatabase, at moment: Timestamp) -> NewsKeeper {
        NewsKeeper(pool: database.pool, clock: { moment }, logger: Logger(label: "test"))
    }

    private static func titles(_ database: TestDatabase) async throws -> [String] {
        try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.query(
                """
                SELECT concat_ws(' | ', audience, kind, affiliate_id, title, body) FROM notification
                ORDER BY kind, affiliate_id, title
                """
            ) { row in try row.text(0) }
        }
    }

    /// - Parameter statements: what happened, in SQL.
    private static func with(
        _ statements: [Statement], _ body: (TestDatabase) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            _ = try await database.pool.transaction { transaction throws(PostgresError) in
                _ = try transaction.run(
                    """
                    INSERT INTO affiliate (affiliate_id, name, joined_at) VALUES ('a', 'A', now()), ('b', 'B', now())
                    """)
                // Nobody reads what 'b' would be told.
                _ = try transaction.run(
                    """
                    INSERT INTO console_user (email, name, password_hash, role, affiliate_id)
                    VALUES ('ada@x.example', 'Ada', '', 'affiliate', 'a')
                    """)
                _ = try transaction.run(
                    """
                    UPDATE news_position SET position = CASE source WHEN 'payout_event' THEN 0
                        WHEN 'accounting_period' THEN 0 WHEN 'week' THEN '2026-01-26'::date - '1970-01-01'::date
                        ELSE '2026-02-02'::date - '1970-01-01'::date END
                    """)
                for statement in statements { _ = try transaction.run(statement) }
            }
            try await body(database)
        }
    }

    private static let payout: Statement = """
        INSERT INTO payout (payout_id, batch_key, affiliate_id, currency, amount_minor, provider, destination, mode,
            state, decision, submitted_by, created_at, updated_at, arrival_at)
        VALUES ('00000000-0000-0000-0000-000000000001', 'k', 'a', 'USD', 1234, 'stripe', 'acct_1', 'automatic',
            'awaiting_approval', '{}', 'planner', '2026-02-04 10:00Z', '2026-02-04 10:59:59Z', '2026-02-06')
        """

    @Test("Each thing is told once, to whom it concerns")
    func once() async throws {
        let held: Statement = """
            INSERT INTO stream_offset (worker_group, topic, partition, next_offset, mode, hold_reason, hold_detail)
            VALUES ('scorer', 'conversions.raw', 3, 77, 'held', 'dead_letters', '101 in 5 minutes'),
                ('scorer', 'conversions.raw', 4, 78, 'run', NULL, NULL)
            """
        let breaks: Statement = """
            INSERT INTO reconciliation_break (kind, object_id, detail, severity) VALUES
            ('amount_mismatch', 'tr_1', 'They say 12.00.', 'money'), ('stale_in_transit', 'po_1', 'Old.', 'notice')
            """
        let sent: Statement = """
            INSERT INTO payout_event (payout_id, from_state, to_state, actor, evidence, at) VALUES
            ('00000000-0000-0000-0000-000000000001', 'submitting', 'submitted', 'payer', '', '2026-02-04 11:59Z')
            """
        try await NewsTests.with([NewsTests.payout, held, breaks, sent]) { database async throws in
            let keeper = NewsTests.keeper(database, at: NewsTests.now)
            #expect(try await keeper.runOnce() == 3)
            #expect(try await keeper.runOnce() == 0)
            #expect(
                try await NewsTests.titles(database) == [
                    "admin | break_found | Books and provider differ: amount mismatch | They say 12.00.",
                    """
                    admin | partition_held | conversions.raw partition 3 is held | scorer stopped reading it at offset \
                    77 (dead_letters: 101 in 5 minutes). The other partitions go on.
                    """,
                    """
                    affiliate | payout_sent | a | Payout of USD 12.34 sent | The money is on its way. It should be \
                    there by 2026-02-06.
                    """,
                ])
        }
    }

    @Test("Sent payouts are told though their events are many, and though an earlier id appears later")
    func sent() async throws {
        let payouts: Statement = """
            INSERT INTO payout (payout_id, batch_key, affiliate_id, currency, amount_minor, provider, destination, mode,
                state, decision, submitted_by, created_at, updated_at)
            SELECT lpad(to_hex(n), 32, '0')::uuid, 'k' || n, 'a', 'USD', n, 'stripe', 'acct_1', 'automatic',
                'awaiting_approval', '{}', 'planner', now(), now() FROM generate_series(1, 1501) n
            """
        let events: Statement = """
            INSERT INTO payout_event (payout_event_id, payout_id, to_state, actor, evidence, at)
            OVERRIDING SYSTEM VALUE
            SELECT n, lpad(to_hex(n), 32, '0')::uuid, 'submitted', 'payer', '', '2026-02-04 11:59Z'
            FROM generate_series(1, 1501) n WHERE n <> 7
            """
        let late: Statement = """
            INSERT INTO payout_event (payout_event_id, payout_id, to_state, actor, evidence, at)
            OVERRIDING SYSTEM VALUE
            VALUES (7, lpad('7', 32, '0')::uuid, 'submitted', 'payer', '', '2026-02-04 11:59Z')
            """
        try await NewsTests.with([payouts, events]) { database async throws in
            #expect(try await NewsTests.keeper(database, at: NewsTests.now).runOnce() == 1_500)
            _ = try await database.pool.transaction { transaction throws(PostgresError) in try transaction.run(late) }
            #expect(try await NewsTests.keeper(database, at: NewsTests.now).runOnce() == 1)
            // Old enough to be settled: they are not read again.
            let later = NewsTests.now.adding(seconds: 3_600)
            #expect(try await NewsTests.keeper(database, at: later).runOnce() == 0)
            let position = try await database.pool.transaction { transaction throws(PostgresError) in
                try NewsStore.position(of: .payoutEvent, in: transaction)
            }
            #expect(position == 1_501)
        }
    }

    @Test("A month that closes is told with all its balances, once")
    func statements() async throws {
        let period: Statement = """
            INSERT INTO accounting_period (month, closed_at, closed_by) VALUES ('2026-01-01', '2026-02-03', 'x')
            """
        let statement: Statement = """
            INSERT INTO period_statement (month, affiliate_id, currency, opening_minor, accrued_minor, reversed_minor,
                paid_minor, other_minor, closing_minor)
            VALUES ('2026-01-01', 'a', 'EUR', 0, 500, 0, 0, 0, 500), ('2026-01-01', 'a', 'JPY', 0, 70, 0, 0, 0, 70),
                ('2026-01-01', 'b', 'EUR', 0, 1, 0, 0, 0, 1)
            """
        try await NewsTests.with([period, statement]) { database async throws in
            #expect(try await NewsTests.keeper(database, at: NewsTests.now).runOnce() == 1)
            #expect(try await NewsTests.keeper(database, at: NewsTests.now).runOnce() == 0)
            #expect(
                try await NewsTests.titles(database) == [
                    """
                    affiliate | statement_ready | a | Your statement of 2026-01 is ready | Balance at the end of the \
                    month: EUR 5.00, JPY 70.
                    """
                ])
        }
    }

    @Test("Reversals are told by day, the week on its Monday, in the affiliate's own figures")
    func periods() async throws {
        let commissions: Statement = """
            INSERT INTO commission (commission_id, conversion_id, affiliate_id, program_id, currency, basis_points,
                base_minor, amount_minor, reversed_minor, status, hold_until, transaction_id, recorded_at)
            SELECT gen_random_uuid(), gen_random_uuid(), who, 'p', 'USD', 1000, 10000, 1000, 250, 'pending', now(),
                gen_random_uuid(), '2026-02-03 08:00Z' FROM unnest(ARRAY['a', 'a', 'b']) who
            """
        let reversals: Statement = """
            INSERT INTO commission_event (commission_id, from_status, to_status, amount_minor, actor, reason, at)
            SELECT commission_id, 'pending', 'pending', 250, 'scorer', 'refund', '2026-02-03 09:00Z' FROM commission
            """
        let days: Statement = """
            INSERT INTO affiliate_day (affiliate_id, program_id, day, currency, clicks, conversions)
            VALUES ('a', 'p', '2026-02-02', 'USD', 90, 1), ('a', 'q', '2026-02-08', 'USD', 10, 1),
                ('a', 'p', '2026-02-09', 'USD', 1000, 0), ('b', 'p', '2026-02-03', 'USD', 5, 1)
            """
        try await NewsTests.with([commissions, reversals, days]) { database async throws in
            #expect(try await NewsTests.keeper(database, at: NewsTests.now).runOnce() == 1)
            #expect(try await NewsTests.keeper(database, at: NewsTests.now).runOnce() == 0)
            // Monday, 2026-02-09T00:30Z; the days in between have no reversals.
            let monday = Timestamp(secondsSinceEpoch: 1_770_597_000)
            #expect(try await NewsTests.keeper(database, at: monday).runOnce() == 1)
            #expect(try await NewsTests.keeper(database, at: monday).runOnce() == 0)
            #expect(
                try await NewsTests.titles(database) == [
                    """
                    affiliate | commission_reversed | a | 2 commissions were reversed | On 2026-02-03, USD 5.00 was \
                    taken back, as the orders were refunded, charged back or corrected.
                    """,
                    """
                    affiliate | weekly_update | a | Your week from 2026-02-02 to 2026-02-08 | Clicks: 100. \
                    Conversions: 2. Earned: USD 15.00.
                    """,
                ])
        }
    }

    @Test("A payout that is unknown for an hour is told to the admins, a younger one is not")
    func unknown() async throws {
        try await NewsTests.with([NewsTests.payout]) { database async throws in
            _ = try await database.pool.transaction { transaction throws(PostgresError) in
                // How it came to be unknown is not what is looked at here.
                _ = try transaction.run("ALTER TABLE payout DISABLE TRIGGER USER")
                _ = try transaction.run("UPDATE payout SET state = 'unknown'")
            }
            let early = NewsTests.now.adding(seconds: -60)
            #expect(try await NewsTests.keeper(database, at: early).runOnce() == 0)
            #expect(try await NewsTests.keeper(database, at: NewsTests.now).runOnce() == 1)
            #expect(
                try await NewsTests.titles(database) == [
                    """
                    admin | payout_unknown | a | Payout of USD 12.34 to a: outcome unknown | stripe has not said since \
                    2026-02-04T10:59:59Z whether it took the payout. Nothing is sent again before it is known.
                    """
                ])
        }
    }
}
