import DevKit
import Domain
import Logging
import Postgres
import Stages
import Testing

@Suite("Ranking keeper")
struct RankingTests {
    private static let today = CivilDate(daysSinceEpoch: 20_500)

    private func keeper(_ database: TestDatabase, at now: Timestamp) -> RankingKeeper {
        RankingKeeper(pool: database.pool, every: .seconds(60), clock: { now }, logger: Logger(label: "test"))
    }

    /// Twenty days of orders: 'a' sells most, 'b' has refunds, 'c' sold once; 'd' has another programme for itself.
    private func fill(_ database: TestDatabase) async throws {
        _ = try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.run(
                """
                INSERT INTO affiliate_day (affiliate_id, program_id, day, currency, clicks, conversions, refunds,
                    revenue_minor, refunded_minor)
                SELECT a, CASE a WHEN 'd' THEN 'q' ELSE 'p' END, $1::date - n, 'USD', 100, 4, 0, 40000,
                    CASE a WHEN 'b' THEN 20000 ELSE 0 END
                FROM unnest(ARRAY['a', 'b', 'c', 'd']) a, generate_series(0, 19) n WHERE a <> 'c' OR n = 3
                """, .date(daysSinceEpoch: RankingTests.today.daysSinceEpoch))
        }
    }

    private func ranks(_ database: TestDatabase) async throws -> [String] {
        try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.query(
                """
                SELECT concat_ws(' ', day - $1::date, program_id, rank, affiliate_id, is_low_sample)
                FROM affiliate_rank ORDER BY day, program_id, rank
                """, .date(daysSinceEpoch: RankingTests.today.daysSinceEpoch)
            ) { row in try row.text(0) }
        }
    }

    @Test("Each programme is ranked by itself, once per interval, as of the newest day; past days stay")
    func rank() async throws {
        try await TestDatabase.with { database in
            let midnight = RankingTests.today.midnight
            #expect(try await keeper(database, at: midnight).runOnce() == 0)
            try await fill(database)
            // The clock is a week ahead of the events: rankings follow the events.
            let later = midnight.adding(seconds: 7 * 86_400)
            #expect(try await keeper(database, at: later).runOnce() == 4)
            let first = ["0 p 1 a f", "0 p 2 b f", "0 p 3 c t", "0 q 1 d f"]
            #expect(try await ranks(database) == first)
            #expect(try await keeper(database, at: later.adding(seconds: 10)).runOnce() == 0)
            _ = try await database.pool.transaction { transaction throws(PostgresError) in
                try transaction.run(
                    """
                    INSERT INTO affiliate_day (affiliate_id, program_id, day, currency, conversions, revenue_minor)
                    VALUES ('b', 'p', $1::date + 1, 'USD', 400, 9000000)
                    """, .date(daysSinceEpoch: RankingTests.today.daysSinceEpoch))
            }
            #expect(try await keeper(database, at: later.adding(seconds: 20)).runOnce() == 4)
            #expect(try await ranks(database) == first + ["1 p 1 b f", "1 p 2 a f", "1 p 3 c t", "1 q 1 d f"])
            // Days ahead of the clock wait; the one before them was ranked.
            #expect(try await keeper(database, at: midnight.adding(seconds: 900)).runOnce() == 0)
        }
    }

    @Test("Who is judged to cheat counts for less, from the day of the judgement on")
    func fraud() async throws {
        try await TestDatabase.with { database in
            try await fill(database)
            let now = RankingTests.today.midnight
            _ = try await database.pool.transaction { transaction throws(PostgresError) in
                try transaction.run(
                    """
                    INSERT INTO fraud_judgement (affiliate_id, day, probability, verdict, evidence, features,
                        model_version, judged_at)
                    VALUES ('a', $1::date, 0.9, 'hold', '[]', '', '1', now()),
                        ('a', $1::date - 1, 0, 'clear', '[]', '', '1', now()),
                        ('b', $1::date + 1, 0.9, 'hold', '[]', '', '1', now())
                    """, .date(daysSinceEpoch: RankingTests.today.daysSinceEpoch))
            }
            #expect(try await keeper(database, at: now).runOnce() == 4)
            let discounts = try await database.pool.transaction { transaction throws(PostgresError) in
                try transaction.query(
                    "SELECT contributions[4] FROM affiliate_rank WHERE program_id = 'p' ORDER BY affiliate_id"
                ) { row throws(PostgresError) in try row.int4(0) }
            }
            // ln(1 − 0.7 × 0.9), in ten-thousandths.
            #expect(discounts == [-9_943, 0, 0])
        }
    }
}
