import Domain
import Events
import Testing

@testable import ConsoleApp

/// Three cases with money of two currencies, beside the one that is seeded.
enum FraudDeskData {
    static func insert(into console: TestConsole) async throws {
        try await SeededData.insert(into: console)
        try await console.run("UPDATE program SET usd_rate = '1.10' WHERE program_id = 'books'")
        try await console.run(
            """
            INSERT INTO fraud_case (affiliate_id, kind, code, verdict, probability, days, conversions, measured,
                first_day, last_day, opened_at, last_seen_at)
            VALUES
                ('aff-2', 'timing', 402, 'hold', 0.93, 3, 2, '7 of 12 orders came soon.', $1::date - 9, $1::date, $2,
                    $2),
                ('aff-3', 'money', 429, 'review', 0.61, 1, 0, '9 of 11 orders are near the limit.', $1::date - 4,
                    $1::date, $2, $2),
                ('aff-5', 'identity', 412, 'clear', 0.97, 0, 1, '1 conversions are suspected by themselves.', $1::date,
                    $1::date, $2, $2)
            """, .date(daysSinceEpoch: console.clock.now.day),
            .timestamp(microsecondsSinceEpoch: console.clock.now.microsecondsSinceEpoch))
        // 'shoes' is paid in USD, 'books' in EUR: 200.00 USD, 250.00 EUR, 50.00 USD.
        try await console.run(
            """
            WITH orders AS (
                SELECT md5('case' || n)::uuid AS id, 'aff-' || n AS affiliate,
                    CASE n WHEN 3 THEN 'books' ELSE 'shoes' END AS program,
                    CASE n WHEN 3 THEN 'EUR' ELSE 'USD' END AS currency,
                    CASE n WHEN 2 THEN 20000 WHEN 3 THEN 25000 ELSE 5000 END AS minor,
                    CASE n WHEN 2 THEN 'timing' WHEN 3 THEN 'money' ELSE 'identity' END AS kind
                FROM unnest(ARRAY[2, 3, 5]) n),
            conversions AS (
                INSERT INTO conversion (conversion_id, event_key, order_id, program_id, affiliate_id, amount_minor,
                    currency, quantity, signal_codes, is_test, occurred_at)
                SELECT id, id, 'order-' || affiliate, program, affiliate, 10 * minor, currency, 1, '{}', false, $1
                FROM orders),
            verdicts AS (
                INSERT INTO fraud_conversion (conversion_id, affiliate_id, verdict, codes, judged_at, kind, day,
                    probability)
                SELECT id, affiliate, 'hold', '{402}', $1, kind, ($1 AT TIME ZONE 'UTC')::date, 0.9 FROM orders)
            INSERT INTO commission (commission_id, conversion_id, affiliate_id, program_id, currency, basis_points,
                base_minor, amount_minor, status, hold_until, transaction_id, recorded_at)
            SELECT id, id, affiliate, program, currency, 1000, 10 * minor, minor, 'held', $1, id, $1 FROM orders
            """, .timestamp(microsecondsSinceEpoch: console.clock.now.microsecondsSinceEpoch))
    }
}

@Suite("The queue of the fraud desk", .timeLimit(.minutes(2))) struct FraudDeskTests {
    private static func affiliates(_ client: TestClient, _ query: String) async throws -> [String] {
        let reply = try await client.get("/fraud-flags" + query)
        #expect(reply.status == 200, "\(reply.body)")
        return reply.json?["data"]?.array?.compactMap { $0["affiliate_id"]?.string } ?? []
    }

    @Test("Cases come by money at risk in one currency, filtered, page by page and as CSV")
    func queue() async throws {
        try await TestConsole.with { console in
            try await FraudDeskData.insert(into: console)
            let client = try await console.browser(.viewer)
            let all = ["aff-3", "aff-2", "aff-5", "aff-7"]
            for (query, expected) in [
                ("", all), ("?sort=newest", ["aff-5", "aff-3", "aff-2", "aff-7"]), ("?kind=timing", ["aff-2"]),
                ("?verdict=review", ["aff-3", "aff-7"]), ("?program_id=shoes", ["aff-2", "aff-5"]),
                ("?program_id=books&verdict=hold", []), ("?affiliate_id=aff-5", ["aff-5"]), ("?status=confirmed", []),
                ("?status=all", all),
            ] { #expect(try await Self.affiliates(client, query) == expected, "\(query)") }
            for sort in ["at_risk", "newest"] {
                var pages: [String] = []
                var cursor: String?
                repeat {
                    let next = cursor.map { "&cursor=" + $0 } ?? ""
                    let reply = try await client.get("/fraud-flags?limit=1&sort=\(sort)\(next)")
                    pages += reply.json?["data"]?.array?.compactMap { $0["affiliate_id"]?.string } ?? []
                    cursor = reply.json?["next_cursor"]?.string
                } while cursor != nil && pages.count < 9
                #expect(pages == (sort == "at_risk" ? all : ["aff-5", "aff-3", "aff-2", "aff-7"]))
            }
            for wrong in ["sort=x", "kind=x", "verdict=x", "status=x", "cursor=x", "limit=0", "format=xml"] {
                #expect(try await client.get("/fraud-flags?" + wrong).status == 400, "\(wrong)")
            }
            let csv = try await client.get("/fraud-flags?format=csv&limit=1")
            #expect(csv.body.hasPrefix("fraud_flag_id,affiliate_id,programs,kind"))
            #expect(csv.body.contains(",aff-3,books,money,429,review,0.610,250.00 EUR,275.00,"), "\(csv.body)")
            #expect(csv.header("link")?.contains("cursor=") == true)
        }
    }

    @Test(
        "The page shows each case with its money and the sentence of its strongest signal, and hides what none may do")
    func page() async throws {
        try await TestConsole.with { console in
            try await FraudDeskData.insert(into: console)
            let page = try await console.browser(.fraud).get("/console/fraud").body
            for words in ["7 of 12 orders came soon.", "250.00", "93.0 % likely", "Conversions only", "Dismiss the"] {
                #expect(page.contains(words), "\(words)")
            }
            let reading = try await console.browser(.viewer).get("/console/fraud?status=all")
            #expect(reading.status == 200 && !reading.body.contains("Dismiss the"))
            #expect(try await console.browser(.viewer).get("/console/fraud?kind=none").status == 400)
        }
    }

    @Test("Several cases are decided and undone together; one that is refused does not stand before the others")
    func bulk() async throws {
        try await TestConsole.with { console in
            try await FraudDeskData.insert(into: console)
            let client = try await console.browser(.fraud)
            let ids =
                try await client.get("/fraud-flags").json?["data"]?.array?
                .compactMap { $0["fraud_flag_id"]?.integer } ?? []
            let first = try await client.post(
                "/fraud-flags/\(ids[3])/decide", json: #"{"decision": "confirm", "reason": "Known."}"#)
            #expect(first.status == 200)
            func body(_ ids: String, _ more: String = "") -> String {
                #"{"fraud_flag_ids": [\#(ids)], "decision": "confirm", "reason": "One office."\#(more)}"#
            }
            let list = ids.map { String($0) }.joined(separator: ", ")
            for (wrong, code) in [
                (body(""), "fraud_flag_ids_invalid"), (body("1, 1"), "fraud_flag_ids_invalid"),
                (body(#""x""#), "fraud_flag_ids_invalid"),
                (body("1", #", "allowance_days": 366"#), "invalid_allowance_days"),
                (body("1", #", "allowance_days": "x""#), "invalid_allowance_days"),
            ] {
                let reply = try await client.post("/fraud-flags/decide", json: wrong)
                #expect(reply.status == 400 && reply.json?["code"]?.string == code, "\(reply.body)")
            }
            let done = try await client.post("/fraud-flags/decide", json: body(list + ", 99999"), key: "k")
            #expect(done.json?["decided"]?.array?.count == 3, "\(done.body)")
            #expect(
                done.json?["refused"]?.array?.compactMap { $0["code"]?.string } == ["fraud_flag_not_open", "not_found"])
            #expect(
                try await console.count("SELECT count(*) FROM affiliate WHERE fraud_verdict = 'hold'") == 4)
            let undo = "/fraud-decisions/\(done.json?["decision_id"]?.string ?? "")/undo"
            #expect(try await console.browser(.viewer).post(undo, json: "{}").status == 403)
            let undone = try await client.post(undo, json: "{}")
            #expect(undone.json?["fraud_flag_ids"]?.array?.count == 3, "\(undone.body)")
            #expect(try await client.post(undo, json: "{}").json?["code"]?.string == "decision_undone")
            #expect(
                try await console.count("SELECT count(*) FROM fraud_case WHERE status = 'open'") == 3)
            #expect(
                try await console.count("SELECT count(*) FROM audit_log WHERE action = 'confirm fraud case'") == 4)
            #expect(
                try await console.count("SELECT count(*) FROM audit_log WHERE action = 'undo fraud decision'") == 1)
        }
    }

    @Test("Money that moved since is named when a decision cannot be undone")
    func moved() async throws {
        try await TestConsole.with { console in
            try await FraudDeskData.insert(into: console)
            let client = try await console.browser(.fraud)
            let flag = try #require(try await client.get("/fraud-flags?kind=timing").json?["data"]?.array?.first)
            let reply = try await client.post(
                "/fraud-flags/decide",
                json: """
                    {"fraud_flag_ids": [\(flag["fraud_flag_id"]?.integer ?? 0)],
                     "decision": "dismiss", "reason": "Sale."}
                    """)
            let undo = "/fraud-decisions/\(reply.json?["decision_id"]?.string ?? "")/undo"
            try await console.run("UPDATE commission SET status = 'paid' WHERE status = 'pending'")
            let refused = try await client.post(undo, json: "{}")
            #expect(refused.status == 409 && refused.json?["code"]?.string == "money_moved", "\(refused.body)")
            #expect(refused.json?["value"]?.string == "200.00 USD")
        }
    }

    @Test("Without JavaScript a person dismisses the chosen cases from the queue, and takes it back")
    func form() async throws {
        try await TestConsole.with { console in
            try await FraudDeskData.insert(into: console)
            let client = try await console.browser(.fraud)
            let ids = try await console.text("SELECT fraud_case_id::text FROM fraud_case WHERE kind = 'money'")
            let reply = try await client.submit(
                "/console/fraud/decide",
                ["fraud_flag_id": ids, "decision": "dismiss", "reason": "Price points.", "allowance_days": "90"])
            #expect(reply.header("location") == "/console/fraud?notice=cases-decided", "\(reply.body)")
            let page = try await client.get("/console/fraud").body
            #expect(page.contains("Dismissed one case"))
            let batch = try await console.text("SELECT batch_id::text FROM fraud_decision WHERE allowance_days = 90")
            let undone = try await client.submit("/console/fraud/decisions/\(batch)/undo", [:])
            #expect(undone.header("location") == "/console/fraud?notice=decision-undone")
            #expect(
                try await console.count("SELECT count(*) FROM commission WHERE status = 'held'") == 3)
        }
    }
}
