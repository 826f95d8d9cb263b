import DevKit
import Domain
import Foundation
import Postgres
import Storage
import Testing

@Suite("What is kept, and for how long")
struct RetentionTests {
    private static func texts(_ statement: Statement, _ database: TestDatabase) async throws -> [String] {
        try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.query(statement) { row in try row.text(0) }
        }
    }

    private static func run(_ statement: Statement, _ database: TestDatabase) async throws {
        try await database.pool.transaction { transaction throws(PostgresError) in
            _ = try transaction.run(statement)
        }
    }

    /// Events and clicks of a month long ago, of one three years ago, and of this one.
    private static func with(_ body: (TestDatabase) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            try await run(
                """
                SELECT make_month(relation, month) FROM (VALUES ('event'), ('click')) AS r (relation),
                    (VALUES (date '2016-02-01'), (date_trunc('month', now() - interval '3 years')::date),
                        (date_trunc('month', now())::date)) AS m (month)
                """, database)
            try await run(
                """
                INSERT INTO event SELECT md5(n::text || m)::uuid, n::text || m, 1 + n % 2, false, 'a', md5('c')::uuid,
                    0, n, m::timestamptz
                FROM generate_series(0, 9) n,
                    (VALUES ('2016-02-05Z'), ((now() - interval '3 years')::text), (now()::text)) AS m (m)
                """, database)
            try await run(
                """
                INSERT INTO click SELECT event_key, event_id, 'p', 'a', occurred_at, NULL, NULL, NULL, NULL, event_key
                FROM event WHERE kind = 1
                """, database)
            try await body(database)
        }
    }

    @Test("A month goes when its policy lets it go, and its counts stay")
    func dropping() async throws {
        try await Self.with { database in
            let now = Timestamp(secondsSinceEpoch: Int64(Date().timeIntervalSince1970))
            let month = try #require(
                await Self.texts("SELECT to_char(now() - interval '3 years', 'YYYY-MM')", database).first)
            let first = try await RetentionRun.once(on: database.pool, at: now)
            #expect(
                first.dropped.map { "\($0.name) \($0.rows)" } == [
                    "click_2016_02 5", "event_2016_02 10", "click_\(month.replacing("-", with: "_")) 5",
                ])
            #expect(
                try await Self.texts(
                    "SELECT concat_ws(' ', relation, month, kind, rows) FROM dropped_month ORDER BY 1", database) == [
                        "click 2016-02-01 1 5", "click \(month)-01 1 5", "event 2016-02-01 1 5", "event 2016-02-01 2 5",
                    ])
            #expect(try await Self.texts("SELECT count(*)::text FROM event", database) == ["20"])
            #expect(try await RetentionRun.once(on: database.pool, at: now).dropped.isEmpty)
        }
    }

    private static let monthsAhead: [(days: Int32, months: [String])] = [
        (20_422, ["2025-11-01", "2025-12-01", "2026-01-01"]), (20_423, ["2025-12-01", "2026-01-01", "2026-02-01"]),
        (20_484, ["2026-01-01", "2026-02-01", "2026-03-01"]),
    ]

    @Test("The months to come are there, whatever the day", arguments: RetentionTests.monthsAhead)
    func ahead(days: Int32, months: [String]) {
        let moment = CivilDate(daysSinceEpoch: days).midnight
        #expect(RetentionRun.ahead(of: moment).map { CivilDate(daysSinceEpoch: $0).text } == months)
    }

    @Test("Messages are forgotten once they are on their topics and old, the first of a lane first")
    func pruning() async throws {
        try await TestDatabase.with { database in
            try await Self.run(
                """
                INSERT INTO stream_offset (worker_group, topic, partition, next_out_seq, published_upto, owner_epoch)
                VALUES ('sent', '', 0, 4, 4, 1), ('owing', '', 0, 4, 2, 1)
                """, database)
            try await Self.run(
                """
                INSERT INTO outbox (worker_group, topic, partition, out_seq, out_topic, message_id, payload_hash,
                    created_at)
                SELECT g, '', 0, n, 't', md5('m')::uuid, md5('p')::uuid, now() - make_interval(days => 60 - n * 10)
                FROM (VALUES ('sent'), ('owing')) AS g (g), generate_series(0, 3) AS n
                """, database)
            let now = Timestamp(secondsSinceEpoch: Int64(Date().timeIntervalSince1970))
            let run = try await RetentionRun.once(on: database.pool, at: now)
            #expect(run.prunedMessages == 4)
            #expect(
                try await Self.texts("SELECT worker_group || ' ' || out_seq FROM outbox ORDER BY 1", database) == [
                    "owing 2", "owing 3", "sent 2", "sent 3",
                ])
        }
    }

    @Test("A policy that would lose what is needed is refused")
    func policies() async throws {
        typealias Subject = RetentionPolicyStore.Subject
        try await TestDatabase.with { database in
            try await Self.run(
                """
                INSERT INTO program (program_id, name, currency, attribution_window_days) VALUES ('p', 'p', 'EUR', 60)
                """, database)
            let cases: [(Subject, Int32, RetentionPolicyStore.Refusal?)] = [
                (.click, 89, .shorterThanAttribution(days: 90)), (.click, 90, nil), (.event, 30, .outOfRange),
                (.event, 31, nil), (.outbox, 36_601, .outOfRange), (.outbox, 36_600, nil),
            ]
            for (subject, days, expected) in cases {
                let refusal = try await database.pool.transaction { transaction throws(PostgresError) in
                    try RetentionPolicyStore.set(subject, keepDays: days, by: "test", in: transaction)
                }
                #expect(refusal == expected, "\(subject) \(days)")
            }
            let kept = try await database.pool.transaction { transaction throws(PostgresError) in
                try RetentionPolicyStore.all(in: transaction)
            }
            #expect(kept == [.click: 90, .event: 31, .outbox: 36_600, .notification: 400])
        }
    }
}
