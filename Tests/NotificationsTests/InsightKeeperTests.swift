import DevKit
import Domain
import Logging
import Notifications
import Postgres
import Testing

@Suite("Insight keeper")
struct InsightKeeperTests {
    private static let now = Timestamp(secondsSinceEpoch: 1_770_000_000)
    private static let logger = Logger(label: "test")

    /// Two rankings a week apart: 'a' falls from the first place to the fourth; its sub-id 'blog' does well.
    private func fill(_ database: TestDatabase) async throws {
        _ = try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.run(
                """
                INSERT INTO affiliate_rank (program_id, currency, day, affiliate_id, rank, expected_minor, low_minor,
                    high_minor, orders, is_low_sample, contributions, conversion_rate, trend, model_version, ranked_at)
                SELECT 'p', 'USD', $1::date - 7 * week, a, CASE WHEN a = 'a' AND week = 0 THEN 4 WHEN a = 'a' THEN 1
                    ELSE ascii(a) - 96 - CASE week WHEN 0 THEN 1 ELSE 0 END END, 10000, 8000, 13000, 50, false,
                    CASE WHEN a = 'a' AND week = 0 THEN ARRAY[-5000, 0, 0, 0] ELSE ARRAY[0, 0, 0, 0] END, 0.1, 1, 1, $2
                FROM unnest(ARRAY['a', 'b', 'c', 'd']) a, generate_series(0, 1) week
                """, .date(daysSinceEpoch: InsightKeeperTests.now.day),
                .timestamp(microsecondsSinceEpoch: InsightKeeperTests.now.microsecondsSinceEpoch))
        }
    }

    private func keeper(_ database: TestDatabase, _ model: LanguageModel?) -> InsightKeeper {
        InsightKeeper(
            pool: database.pool, model: model, every: .seconds(60), clock: { InsightKeeperTests.now },
            logger: InsightKeeperTests.logger)
    }

    private func rows(_ database: TestDatabase) async throws -> [String] {
        try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.query(
                """
                SELECT concat_ws(' ', kind, NULLIF(affiliate_id, ''), CASE WHEN rewritten IS NOT NULL THEN 'rewritten'
                    END, objection, CASE WHEN asked_at IS NULL THEN 'unasked' END) FROM insight ORDER BY 1
                """
            ) { row in try row.text(0) }
        }
    }

    @Test(
        "Words that keep the numbers are taken; lies are refused for good, silence is asked again",
        arguments: [
            (FakeLanguageModel.Manner.honest, "rewritten", 2, 0), (.lying, "other_number", 2, 0),
            (.garbage, "unasked", 1, 1), (.failing, "unasked", 1, 1), (.stalling, "unasked", 1, 1),
        ])
    func rewriting(manner: FakeLanguageModel.Manner, end: String, asked: Int, askedAgain: Int) async throws {
        try await TestDatabase.with { database in
            try await fill(database)
            let fake = FakeLanguageModel(manner, logger: InsightKeeperTests.logger)
            let client = LanguageModel.makeClient()
            let model = LanguageModel(
                url: try await fake.start(), key: "secret", model: "m", timeoutSeconds: 1, client: client)
            try await keeper(database, model).runOnce()
            #expect(try await rows(database) == ["fall a \(end)", "forecast \(end)"])
            #expect(await fake.requests.count == asked)
            // The same sentences again: what was answered stays.
            try await keeper(database, model).runOnce()
            #expect(try await rows(database) == ["fall a \(end)", "forecast \(end)"])
            #expect(await fake.requests.count == asked + askedAgain)
            await fake.stop()
            try await client.shutdown()
        }
    }

    @Test("Nobody is named to the endpoint, and without one the sentences are ours")
    func privacy() async throws {
        try await TestDatabase.with { database in
            try await fill(database)
            try await keeper(database, nil).runOnce()
            #expect(try await rows(database) == ["fall a unasked", "forecast unasked"])
            let fake = FakeLanguageModel(.honest, logger: InsightKeeperTests.logger)
            let client = LanguageModel.makeClient()
            let model = LanguageModel(
                url: try await fake.start(), key: nil, model: "m", timeoutSeconds: 5, client: client)
            try await keeper(database, model).runOnce()
            let requests = await fake.requests
            #expect(requests.count == 2)
            #expect(requests.contains { $0.contains("{affiliate} fell from rank 1 to 4 in p") })
            await fake.stop()
            try await client.shutdown()
        }
    }
}
