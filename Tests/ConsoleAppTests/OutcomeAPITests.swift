import Domain
import Events
import Postgres
import Testing

@testable import ConsoleApp

@Suite("Outcomes and commissions over the API") struct OutcomeAPITests {
    /// Records of every outcome, the newest last; a dead letter among them.
    static func feed(_ console: TestConsole) async throws {
        try await SeededData.insert(into: console)
        try await console.run("UPDATE affiliate SET status = 'blocked' WHERE affiliate_id = 'aff-9'")
        try await console.run("UPDATE program SET hold_days = 7 WHERE program_id = 'shoes'")
        try await console.run("DELETE FROM dead_letter")
        let feed = ScorerFeed(console: console)
        try await feed.take([
            feed.event("click", "k-1", minutes: 60, #""affiliate_id": "aff-2", "click_id": "k-1""#),
            feed.order("o-1", minutes: 50, #", "click_id": "k-1", "country": "DE""#),
            feed.order("o-2", affiliate: "aff-3", minutes: 45),
            feed.order("o-1", minutes: 40, event: "e-again"),
            feed.order("o-2", affiliate: "aff-3", minutes: 45),
            feed.order("o-3", minutes: 35, event: "e-o-2"),
            feed.order("o-4", affiliate: "aff-9", minutes: 30),
            feed.event("conversion", "e-no", minutes: 25, #""affiliate_id": "aff-2""#),
            feed.event(
                "conversion", "e-gone", minutes: 20, program: "none",
                #""order_id": "o-5", "amount_minor": 1, "#
                    + #""currency": "USD", "affiliate_id": "aff-2""#),
            feed.event("refund", "e-ref", minutes: 15, #""order_id": "o-6", "amount_minor": 1, "currency": "USD""#),
            feed.order("o-7", minutes: 10, #", "is_test": true"#),
        ])
        try await console.run(
            """
            INSERT INTO dead_letter (worker_group, topic, partition, record_offset, record_at, record_value,
                error_class, error_code, error_message)
            VALUES ('scorer', 'conversions.raw', 0, 11, $1, '{', 'data', 190, 'The record is not JSON. {')
            """, .timestamp(microsecondsSinceEpoch: console.clock.now.adding(seconds: -300).microsecondsSinceEpoch))
    }

    private static func line(_ row: JSONTree) -> String {
        let position = row["source"]?["offset"]?.integer.map { "@\($0)" }
        let commissions = row["conversion"]?["commissions"]?.array?.map { commission in
            "\(commission["status"]?.string ?? "") \(commission["amount_minor"]?.integer ?? -1)"
        }
        let parts = [
            row["outcome"]?.string, row["code"]?.integer.map { String($0) }, row["type"]?.string,
            row["order_id"]?.string, row["affiliate_id"]?.string, row["measured"]?.string,
            row["duplicate_of"]?.string.map { "of " + $0 }, commissions?.joined(separator: "+"), position,
        ]
        return parts.compactMap(\.self).joined(separator: " ")
    }

    private static func lines(_ client: TestClient, _ query: String) async throws -> [String] {
        let reply = try await client.get("/conversions" + query)
        return try #require(reply.json?["data"]?.array, "\(reply.body)").map(line)
    }

    static let everything = [
        "dead 190 { @11", "accepted conversion o-7 aff-2  @10", "parked 206 refund o-6 @9",
        "rejected 301 conversion o-5 aff-2 none @8", "rejected 101 conversion aff-2 order_id: absent @7",
        "rejected 303 conversion o-4 aff-9 aff-9 @6", "duplicate 124 conversion o-3 aff-2 e-o-2 of e-o-2 @5",
        "duplicate 121 conversion o-1 aff-2 o-1 of o-1 @3", "accepted conversion o-2 aff-3 pending 800 @2",
        "duplicate 120 conversion o-2 aff-3 e-o-2 of e-o-2 @4", "accepted conversion o-1 aff-2 pending 800 @1",
    ]

    @Test("Every record is listed with its outcome, why, the value, where it stands and what it came to")
    func outcomes() async throws {
        try await TestConsole.with { console in
            try await Self.feed(console)
            let client = try await console.program(scopes: [.readConversions])
            #expect(try await Self.lines(client, "") == Self.everything)
            let rows = try await client.get("/conversions").json?["data"]?.array ?? []
            let last = try #require(rows.last?["conversion"])
            #expect(last["attributed_by"]?.string == "click")
            #expect(last["country"]?.string == "DE")
            let payable = console.clock.now.adding(seconds: -3_000).adding(days: 7).rfc3339
            #expect(last["commissions"]?.array?.first?["payable_from"]?.string == payable)
            #expect(rows[1]["conversion"]?["signals"]?.array?.map { $0["code"]?.integer } == [202, 501])
            #expect(rows[2]["sentence"]?.string == ReasonCode.orderUnknown.sentence)
            #expect(rows[2]["waits_until"]?.string == console.clock.now.adding(days: 90).rfc3339)
            #expect(rows[6]["is_conflicting"]?.bool == true)
        }
    }

    @Test("Filters choose among the outcomes, alone and together")
    func filters() async throws {
        try await TestConsole.with { console in
            try await Self.feed(console)
            let client = try await console.program(scopes: [.readConversions])
            try await console.run(
                """
                UPDATE commission m SET codes = '{310}' FROM conversion c
                WHERE c.conversion_id = m.conversion_id AND c.order_id = 'o-1'
                """)
            try await console.run(
                """
                INSERT INTO fraud_conversion (conversion_id, affiliate_id, verdict, codes, judged_at)
                SELECT conversion_id, affiliate_id, 'review', '{403}', occurred_at FROM conversion
                WHERE order_id = 'o-2'
                """)
            let today = Timestamp.dayText(console.clock.now.day)
            let table: [(query: String, rows: [Int])] = [
                ("?code=310", [10]), ("?code=403", [8]), ("?code=310&order_id=o-1", [10]),
                ("?outcome=accepted", [1, 8, 10]), ("?outcome=duplicate", [6, 7, 9]), ("?outcome=rejected", [3, 4, 5]),
                ("?outcome=parked", [2]), ("?outcome=dead", [0]), ("?code=121", [7]), ("?code=202", [1, 8]),
                ("?code=501", [1]), ("?code=190", [0]), ("?type=refund", [2]), ("?type=click", []),
                ("?type=conversion&outcome=rejected", [3, 4, 5]), ("?program_id=none", [3]),
                ("?program_id=shoes&outcome=parked", [2]), ("?affiliate_id=aff-3", [8, 9]),
                ("?affiliate_id=aff-3&outcome=accepted", [8]), ("?order_id=o-1", [7, 10]),
                ("?order_id=o-1&program_id=books", []), ("?order_id=o-1&affiliate_id=aff-3", []),
                ("?order_id=o-1&outcome=accepted&code=202", []), ("?order_id=o-6", [2]),
                ("?event_id=e-o-2", [6, 8, 9]), ("?event_id=e-ref", [2]), ("?event_id=e-o-1&program_id=shoes", [10]),
                ("?from=\(today)&to=\(today)", Array(0...10)), ("?to=2026-01-01", []),
                ("?from=\(today)&outcome=dead&affiliate_id=aff-1", []),
            ]
            for (query, rows) in table {
                #expect(try await Self.lines(client, query) == rows.map { Self.everything[$0] }, "\(query)")
            }
        }
    }

    @Test("Pages follow each other without a gap or a repetition, also among rows of one moment", arguments: [1, 2, 5])
    func pages(limit: Int) async throws {
        try await TestConsole.with { console in
            try await Self.feed(console)
            let client = try await console.program(scopes: [.readConversions])
            try await console.run("UPDATE intake_exception SET occurred_at = (SELECT min(occurred_at) FROM conversion)")
            try await console.run("UPDATE dead_letter SET record_at = (SELECT min(occurred_at) FROM conversion)")
            let whole = try await Self.lines(client, "")
            #expect(Set(whole) == Set(Self.everything))
            var (found, cursor): ([String], String?) = ([], "")
            for _ in 0..<20 {
                guard let next = cursor else { break }
                let reply = try await client.get(
                    "/conversions?limit=\(limit)" + (next.isEmpty ? "" : "&cursor=" + next))
                found += reply.json?["data"]?.array?.map(Self.line) ?? []
                cursor = reply.json?["next_cursor"]?.string
            }
            #expect(found == whole)
        }
    }

    @Test("A corrected conversion is found for both affiliates, a record without a date where it was taken in")
    func corrections() async throws {
        try await TestConsole.with { console in
            try await Self.feed(console)
            let client = try await console.program(scopes: [.readConversions])
            try await console.run(
                """
                INSERT INTO conversion_correction (conversion_id, sequence, kind, from_affiliate, to_affiliate, actor,
                    recorded_at)
                SELECT conversion_id, 1, 'late_click', 'aff-3', 'aff-5', 'scorer', occurred_at
                FROM conversion WHERE order_id = 'o-2'
                """)
            for affiliate in ["aff-3", "aff-5"] {
                let found = try await Self.lines(client, "?outcome=accepted&affiliate_id=\(affiliate)")
                #expect(found == [Self.everything[8].replacing("aff-3", with: "aff-5")])
            }
            try await console.run(
                "UPDATE intake_exception SET occurred_at = NULL, recorded_at = $1 WHERE code = 101",
                .timestamp(microsecondsSinceEpoch: console.clock.now.microsecondsSinceEpoch))
            #expect(try await Self.lines(client, "").first == Self.everything[4])
        }
    }

    @Test(
        "A question with a mistake in it is answered by the mistake",
        arguments: [
            ("/conversions?outcome=lost", "invalid_outcome"), ("/conversions?code=x", "invalid_code"),
            ("/conversions?type=view", "invalid_type"), ("/conversions?cursor=x", "invalid_cursor"),
            ("/conversions?cursor=\(Cursor("1", "0", "x"))", "invalid_cursor"),
            ("/conversions?from=2024-01-01", "invalid_range"),
            ("/commissions?state=gone", "invalid_state"), ("/commissions?format=pdf", "invalid_format"),
            ("/commissions?cursor=\(Cursor("x", "y"))", "invalid_cursor"), ("/commissions?limit=201", "invalid_limit"),
        ])
    func mistakes(path: String, code: String) async throws {
        try await TestConsole.with { console in
            let reply = try await console.browser(.owner).get(path)
            #expect(reply.status == 400)
            #expect(reply.json?["code"]?.string == code)
        }
    }

    @Test("Commissions are listed, filtered, paged, and given as a table that a spreadsheet does not run")
    func commissions() async throws {
        try await TestConsole.with { console in
            try await Self.feed(console)
            try await console.run("UPDATE conversion SET order_id = '=1+1' WHERE order_id = 'o-2'")
            let client = try await console.browser(.viewer)
            let today = Timestamp.dayText(console.clock.now.day)
            let table: [(query: String, count: Int)] = [
                ("", 14), ("?state=pending", 2), ("?state=reversed", 0), ("?currency=EUR", 4),
                ("?program_id=books", 4), ("?affiliate_id=aff-2", 2), ("?affiliate_id=aff-2&state=pending", 1),
                ("?from=\(today)&to=\(today)", 14), ("?to=2026-01-01", 0), ("?limit=5", 5),
            ]
            for (query, count) in table {
                let rows = try await client.get("/commissions" + query).json?["data"]?.array
                #expect(rows?.count == count, "\(query)")
            }
            var (found, cursor): ([String?], String?) = ([], "")
            for _ in 0..<20 {
                guard let next = cursor else { break }
                let reply = try await client.get("/commissions?limit=3" + (next.isEmpty ? "" : "&cursor=" + next))
                found += reply.json?["data"]?.array?.map { $0["commission_id"]?.string } ?? []
                cursor = reply.json?["next_cursor"]?.string
            }
            #expect(found.count == 14)
            #expect(Set(found).count == 14)
            let csv = try await client.send("GET", "/commissions?affiliate_id=aff-3", headers: ["accept": "text/csv"])
            #expect(csv.header("content-type") == "text/csv; charset=utf-8")
            let lines = csv.body.split(separator: "\n")
            #expect(lines.count == 3)
            #expect(lines.first?.hasPrefix("commission_id,recorded_at,program_id,affiliate_id,tier,order_id,") == true)
            #expect(csv.body.contains(",shoes,aff-3,1,'=1+1,pending,USD,8.00,0.00,"))
            let first = try await client.get("/commissions?format=csv&limit=10")
            #expect(first.body.split(separator: "\n").count == 11)
            let link = try #require(first.header("link")?.firstMatch(of: #/<([^>]+)>; rel="next"/#))
            #expect(try await client.get(String(link.1)).body.split(separator: "\n").count == 5)
        }
    }

    @Test("An affiliate reads its own commissions, and no conversions of the programme")
    func scope() async throws {
        try await TestConsole.with { console in
            try await Self.feed(console)
            let client = try await console.browser(.affiliate, affiliateID: "aff-2")
            let rows = try await client.get("/commissions").json?["data"]?.array
            #expect(rows?.map { $0["affiliate_id"]?.string } == ["aff-2", "aff-2"])
            #expect(try await client.get("/commissions?affiliate_id=aff-3").status == 403)
            #expect(try await client.get("/conversions").status == 403)
        }
    }

    @Test("A list reads what its bounds hold: conversions and exceptions of a day by their bounds, not by a full scan")
    func plans() async throws {
        try await TestConsole.with { console in
            let plans = try await console.pool.transaction { transaction throws(PostgresError) in
                // On a table this small every way is as good; what counts is that there is one by the bounds.
                try transaction.run("SET LOCAL enable_seqscan = off")
                // The index by affiliate has these bounds as well, behind all affiliates.
                try transaction.run("DROP INDEX conversion_by_affiliate")
                return try transaction.query(
                    """
                    EXPLAIN SELECT FROM conversion WHERE occurred_at >= now() - interval '1 day'
                    """
                ) { row throws(PostgresError) in try row.text(0) }
                    + transaction.query(
                        """
                        EXPLAIN SELECT FROM intake_exception
                        WHERE LEAST(occurred_at, recorded_at) >= now() - interval '1 day'
                        """
                    ) { row throws(PostgresError) in try row.text(0) }
            }
            #expect(plans.contains { $0.contains("conversion_occurred") })
            #expect(plans.contains { $0.contains("intake_exception_moment") })
        }
    }
}
