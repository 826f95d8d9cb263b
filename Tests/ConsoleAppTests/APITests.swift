import Domain
import Events
import Foundation
import Postgres
import Storage
import Testing

@testable import ConsoleApp

@Suite struct APITests {
    private static let conversion = """
        {"event_id": "e-1", "type": "conversion", "occurred_at": "2026-10-01T12:00:00Z", "program_id": "shoes", \
        "affiliate_id": "aff-1", "order_id": "o-1", "amount_minor": 4300, "currency": "USD", "unknown": 1.10}
        """

    @Test("An event is taken in byte for byte, with its audit row, on the console's lane")
    func ingestOne() async throws {
        try await TestConsole.with { console in
            let client = try await console.program(scopes: [.ingestEvents])
            let reply = try await client.post("/ingest-conversion", json: Self.conversion)
            #expect(reply.status == 202)
            #expect(reply.json?["accepted"]?.integer == 1)
            let payload = try await console.pool.transaction { transaction throws(PostgresError) in
                try transaction.query(
                    "SELECT payload, key FROM outbox WHERE worker_group = 'console' AND out_topic = 'conversions.raw'"
                ) { row in [try row.bytes(0), try row.bytes(1)] }
            }
            #expect(payload == [[Array(Self.conversion.utf8), Array("aff-1".utf8)]])
            #expect(try await console.count("SELECT count(*) FROM audit_log WHERE actor = 'key:tracker'") == 1)
            #expect(console.wakes.value == 1)
        }
    }

    @Test(
        "Each event of a batch gets its own answer, in the words of the reason codes",
        arguments: [
            ("application/json", "[\(conversion), {\"event_id\": \"e-2\"}, \(conversion)]"),
            ("application/x-ndjson", "\(conversion)\n\n{\"event_id\": \"e-2\"}\r\n\(conversion)\n"),
        ])
    func batch(contentType: String, body: String) async throws {
        try await TestConsole.with { console in
            let client = try await console.program(scopes: [.ingestEvents])
            let reply = try await client.post("/ingest-conversion", json: body, contentType: contentType)
            #expect(reply.status == 202)
            #expect(reply.json?["accepted"]?.integer == 2)
            let second = reply.json?["results"]?.array?[1]
            #expect(second?["status"]?.string == "rejected")
            #expect(second?["code"]?.integer == Int64(ReasonCode.missingField.rawValue))
            #expect(second?["sentence"]?.string == ReasonCode.missingField.sentence)
            #expect(second?["event_id"]?.string == "e-2")
            #expect(second?["value"]?.string?.isEmpty == false)
        }
    }

    @Test(
        "Nothing that can be sent as events stops the console",
        arguments: [
            ("", 400), ("[]", 400), ("[", 400), ("]", 422), ("{", 422), ("null", 422), ("[null, 1, \"x\"]", 422),
            ("[{\"a\": \"\\\"]\"}, ]", 422), ("{\"event_id\": 9e99}", 422), ("\u{0}\u{0}", 422), ("[[[[", 400),
            ("[" + String(repeating: "{},", count: 1_000) + "{}]", 413), (String(repeating: "[", count: 100_000), 400),
            (conversion.replacing("2026-10-01", with: "2036-10-01"), 422),
        ])
    func hostileBodies(body: String, status: Int) async throws {
        try await TestConsole.with { console in
            let client = try await console.program(scopes: [.ingestEvents])
            let reply = try await client.post("/ingest-conversion", json: body)
            #expect(reply.status == status, "\(reply.body.prefix(300))")
            #expect(reply.header("content-type") == "application/problem+json")
            #expect(reply.json?["code"]?.string?.isEmpty == false)
        }
    }

    @Test("A body over the limit is refused as too large")
    func largeBody() async throws {
        try await TestConsole.with { console in
            let client = try await console.program(scopes: [.ingestEvents])
            let body = String(repeating: " ", count: Gate.bodyBytesMaximum + 1)
            #expect(try await client.post("/ingest-conversion", json: body).json?["code"]?.string == "body_too_large")
        }
    }

    @Test("One key does a write once: the same answer again, 409 for another body, both callers at once too")
    func idempotency() async throws {
        try await TestConsole.with { console in
            let client = try await console.program(scopes: [.ingestEvents])
            async let one = client.post("/ingest-conversion", json: Self.conversion, key: "k")
            async let two = client.post("/ingest-conversion", json: Self.conversion, key: "k")
            let (first, second) = try await (one, two)
            #expect(first.status == 202 && second.status == 202)
            #expect(first.body == second.body)
            #expect([first, second].count { $0.header("idempotency-replayed") == "true" } == 1)
            #expect(try await console.count("SELECT count(*) FROM outbox") == 1)
            let other = try await client.post("/ingest-conversion", json: "[\(Self.conversion)]", key: "k")
            #expect(other.status == 409)
            #expect(other.json?["code"]?.string == "idempotency_key_reused")
            let another = try await console.browser(.manager)
            #expect(try await another.post("/ingest-conversion", json: "[\(Self.conversion)]", key: "k").status == 202)
        }
    }

    @Test("Payments are processed once per key; small ones go to the payer, the others wait for another person")
    func processPayments() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            try await console.run(
                "UPDATE affiliate_balance SET payable = 20000 WHERE affiliate_id IN ('aff-2', 'aff-7')")
            let client = try await console.browser(.finance)
            let missing = try await client.post("/process-payments", json: "{}")
            #expect(missing.status == 400)
            #expect(missing.json?["code"]?.string == "idempotency_key_required")

            let reply = try await client.post("/process-payments", json: "{}", key: "run-1")
            #expect(reply.status == 201, "\(reply.body)")
            let payouts = reply.json?["payouts"]?.array ?? []
            #expect(payouts.count == 2)
            #expect(Set(payouts.compactMap { $0["state"]?.string }) == ["awaiting_approval"])
            #expect(payouts.allSatisfy { $0["limits"]?.array?.isEmpty == false })
            let again = try await client.post("/process-payments", json: "{}", key: "run-1")
            #expect(again.body == reply.body)
            let nothing = try await client.post("/process-payments", json: "{}", key: "run-2")
            #expect(nothing.status == 200 && nothing.json?["payouts"]?.array?.isEmpty == true)

            let id = try #require(payouts.first?["payout_id"]?.string)
            let own = try await client.post("/payouts/\(id)/approve", json: "{}")
            #expect(own.status == 409)
            #expect(own.json?["code"]?.string == "approver_is_submitter")
            let other = try await console.browser(.owner)
            let approved = try await other.post("/payouts/\(id)/approve", json: "{}")
            #expect(approved.status == 200 && approved.json?["state"]?.string == "reserved")
            let twice = try await other.post("/payouts/\(id)/approve", json: "{}")
            #expect(twice.json?["code"]?.string == "payout_not_waiting")
            #expect(
                try await console.count(
                    "SELECT count(*) FROM outbox WHERE worker_group = 'console' AND out_topic = 'payouts.requested'")
                    == 1)
        }
    }

    @Test("A rejection needs a reason and gives the money back")
    func rejection() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.finance)
            let list = try await client.get("/payouts?state=awaiting_approval").json?["data"]?.array
            let payout = try #require(list?.first)
            let path = "/payouts/\(payout["payout_id"]?.string ?? "")/reject"
            #expect(try await client.post(path, json: "{}").json?["code"]?.string == "reason_required")
            #expect(
                try await client.post(path, json: "{\"reason\": \"wrong bank\"}").json?["state"]?.string == "rejected")
            let payable = try await console.count(
                "SELECT payable FROM affiliate_balance WHERE affiliate_id = $1",
                .text(payout["affiliate_id"]?.string ?? ""))
            #expect(payable == payout["amount_minor"]?.integer)
        }
    }

    @Test("The dashboard's figures are those of a naive sum")
    func dashboardMetrics() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.program(scopes: [.readDashboard])
            let from = Timestamp.dayText(console.clock.now.day - 6)
            let metrics = try #require(try await client.get("/dashboard-metrics?from=\(from)").json)
            let conversions = try await console.count(
                "SELECT sum(conversions)::bigint FROM affiliate_day WHERE day >= $1",
                .date(daysSinceEpoch: console.clock.now.day - 6))
            #expect(metrics["conversions"]?.integer == conversions)
            #expect(metrics["conversion_trend"]?.array?.count == 7)
            #expect(
                metrics["conversion_trend"]?.array?.compactMap { $0["conversions"]?.integer }.reduce(0, +)
                    == conversions)
            let euro = metrics["totals"]?.array?.first { $0["currency"]?.string == "EUR" }
            #expect(
                euro?["commission_minor"]?.integer
                    == (try await console.count(
                        "SELECT sum(commission_minor)::bigint FROM affiliate_day WHERE currency = 'EUR' AND day >= $1",
                        .date(daysSinceEpoch: console.clock.now.day - 6))))
            #expect(metrics["payouts"]?["processed"]?.integer == 1)
            #expect(metrics["top_affiliates"]?.array?.count == 10)
            #expect(metrics["freshness"]?["records_behind"]?.integer == 40)
            #expect(metrics["freshness"]?["lag_seconds"]?.integer == 2)
            #expect(metrics["freshness"]?["held_partitions"]?.integer == 1)
        }
    }

    @Test("An empty database has figures too: none")
    func emptyDatabase() async throws {
        try await TestConsole.with { console in
            let client = try await console.browser(.owner)
            let metrics = try #require(try await client.get("/dashboard-metrics").json)
            #expect(metrics["conversions"]?.integer == 0)
            for path in console.app.routes.filter({ $0.kind == .page && !$0.path.contains("{") }).map(\.path) {
                #expect(try await client.get(path).status == 200, "\(path)")
            }
        }
    }

    @Test("Pages of a list follow each other without a gap or a repetition", arguments: [1, 5, 11, 12, 200])
    func paging(limit: Int) async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.owner)
            for (path, key, count) in [("/affiliates-performance", "affiliate_id", 12), ("/payouts", "payout_id", 12)] {
                var seen: [String] = []
                var next = "\(path)?limit=\(limit)"
                for _ in 0...12 {
                    let page = try #require(try await client.get(next).json)
                    seen += page["data"]?.array?.compactMap { $0[key]?.string } ?? []
                    guard let cursor = page["next_cursor"]?.string else { break }
                    next = "\(path)?limit=\(limit)&cursor=\(cursor)"
                }
                #expect(seen.count == count && Set(seen).count == count, "\(path): \(seen)")
            }
            let file = try await client.get("/payouts?format=csv&limit=10")
            #expect(file.header("content-type") == "text/csv; charset=utf-8")
            #expect(file.header("content-disposition") == "attachment; filename=\"payouts.csv\"")
            #expect(file.body.hasPrefix("payout_id,created_at,affiliate_id,affiliate_name,state,currency,amount,"))
            #expect(file.body.split(separator: "\n").count == 11)
            let rest = try #require(file.header("link")?.firstMatch(of: #/<([^>]+)>; rel="next"/#))
            #expect(try await client.get(String(rest.1)).body.split(separator: "\n").count == 3)
        }
    }

    @Test("A ranking descends within a programme, and an older one is as it was")
    func ranking() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.program(scopes: [.readAffiliates])
            func ranked(_ query: String) async throws -> [String] {
                let rows = try #require(try await client.get("/affiliates-performance" + query).json?["data"]?.array)
                return rows.compactMap { $0["affiliate_id"]?.string }
            }
            let rows = try #require(
                try await client.get("/affiliates-performance?program_id=shoes").json?["data"]?.array)
            #expect(rows.compactMap { $0["rank"]?.integer } == Array(1...8))
            let expected = rows.compactMap { $0["expected_net_minor"]?.integer }
            #expect(expected.count == 8 && expected == expected.sorted(by: >))
            #expect(
                rows.first?["components"]?.array?.compactMap { $0["name"]?.string } == [
                    "orders", "order_value", "kept_share", "fraud",
                ])
            let newest = try await ranked("?program_id=shoes")
            let today = Timestamp.dayText(console.clock.now.day)
            let yesterday = Timestamp.dayText(console.clock.now.day - 1)
            #expect(try await ranked("?program_id=shoes&as_of=\(today)") == newest)
            #expect(try await ranked("?program_id=shoes&as_of=\(yesterday)") == newest.reversed())
            #expect(try await ranked("?program_id=shoes&as_of=2001-01-01") == [])
        }
    }

    @Test("Insights are those of the newest day, with names and the way to their figures")
    func insights() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.program(scopes: [.readAffiliates])
            let rows = try #require(try await client.get("/insights").json?["data"]?.array)
            let name = try await console.text("SELECT name FROM affiliate WHERE affiliate_id = 'aff-1'")
            #expect(
                rows.compactMap { $0["text"]?.string } == ["\(name) keeps 12 % less.", "The clicks of blog<1>."])
            #expect(rows.compactMap { $0["is_rewritten"]?.bool } == [false, true])
            #expect(
                rows.first?["evidence"]?.string == "/console/conversions?affiliate_id=aff-1&program_id=shoes")
            #expect(try await client.get("/insights?program_id=books").json?["data"]?.array?.isEmpty == true)
            let page = try await console.browser(.owner).get("/console/affiliates").body
            #expect(page.contains("The clicks of blog&lt;1&gt;."))
        }
    }

    @Test("A payment's status tells each move and attempt")
    func paymentStatus() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.program(scopes: [.readPayments])
            let rows = try #require(try await client.get("/payment-status?affiliate_id=aff-1").json?["data"]?.array)
            #expect(rows.first?["payout"]?["state"]?.string == "paid")
            let moves = rows.first?["timeline"]?.array?.compactMap { $0["to"]?.string }
            #expect(moves == ["reserved", "submitting", "submitted", "paid"])
            #expect(try await client.get("/payment-status").status == 400)
            #expect(try await client.get("/payment-status?payout_id=nonsense").status == 400)
        }
    }

    @Test(
        "A question with a mistake in it is answered by the mistake",
        arguments: [
            ("/payouts?state=gone", "invalid_state"), ("/payouts?limit=0", "invalid_limit"),
            ("/payouts?limit=201", "invalid_limit"), ("/payouts?cursor=x", "invalid_cursor"),
            ("/dashboard-metrics?from=yesterday", "invalid_from"),
            ("/dashboard-metrics?from=2026-02-30", "invalid_from"),
            ("/dashboard-metrics?from=2026-02-02&to=2026-02-01", "invalid_range"),
            ("/affiliates-performance?cursor=W10", "invalid_cursor"),
            ("/affiliates-performance?as_of=soon", "invalid_as_of"), ("/dead-letters?status=lost", "invalid_status"),
        ])
    func mistakes(path: String, code: String) async throws {
        try await TestConsole.with { console in
            let reply = try await console.browser(.owner).get(path)
            #expect(reply.status == 400)
            #expect(reply.header("content-type") == "application/problem+json")
            #expect(reply.json?["code"]?.string == code)
            #expect(reply.json?["detail"]?.string?.isEmpty == false)
        }
    }

    @Test("The audit log is a chain: an edited row is found")
    func auditChain() async throws {
        try await TestConsole.with { console in
            let client = try await console.browser(.owner)
            for key in ["a", "b", "c"] { _ = try await client.post("/process-payments", json: "{}", key: key) }
            let check: @Sendable () async throws -> Int64? = {
                try await console.pool.transaction { transaction throws(PostgresError) in
                    try AuditLog.firstBreak(in: transaction)
                }
            }
            #expect(try await check() == nil)
            try await console.run("ALTER TABLE audit_log DISABLE TRIGGER USER")
            try await console.run("UPDATE audit_log SET actor = 'user:somebody@example.test' WHERE audit_id = 2")
            #expect(try await check() == 2)
        }
    }

    @Test("Names from outside stand in the pages as text, and a foreign link is none")
    func escaping() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.owner)
            for path in ["/console/payouts", "/console/affiliates", "/console/dead-letters", "/console/notifications"] {
                let page = try await client.get(path)
                #expect(!page.body.contains("<script>alert") && !page.body.contains("<b>"), "\(path)")
                #expect(!page.body.contains("javascript:"), "\(path)")
                #expect(page.header("content-security-policy") == SecurityHeaders.contentSecurityPolicy)
            }
        }
    }

    @Test("A database that is away is said to be away, in the form that was asked for")
    func databaseAway() async throws {
        try await TestConsole.with { console in
            let client = try await console.browser(.owner)
            await console.pool.close()
            let reply = try await client.get("/topics")
            #expect(reply.status == 503)
            #expect(reply.json?["code"]?.string == "database_unavailable")
            #expect(try await client.get("/console").header("content-type") == "text/html; charset=utf-8")
            #expect(try await client.get("/healthz").status == 200)
            #expect(try await client.get("/readyz").status == 503)
        }
    }
}
