import Domain
import Events
import Testing

@testable import ConsoleApp

@Suite("Appeals", .timeLimit(.minutes(2))) struct AppealTests {
    private static func held(_ console: TestConsole) async throws -> String {
        try await FraudDeskData.insert(into: console)
        try await console.run("UPDATE affiliate SET fraud_verdict = 'hold' WHERE affiliate_id = 'aff-2'")
        return try await console.text(
            "SELECT commission_id::text FROM commission WHERE affiliate_id = 'aff-2' AND status = 'held'")
    }

    @Test("An affiliate appeals once about what is held, in bounded words, and only about its own")
    func open() async throws {
        try await TestConsole.with { console in
            let commission = try await Self.held(console)
            let client = try await console.browser(.affiliate, affiliateID: "aff-2")
            let foreign = try await console.text(
                "SELECT commission_id::text FROM commission WHERE affiliate_id = 'aff-5' AND status = 'held'")
            let long = String(repeating: "x", count: 2_001)
            let refused: [(String, Int, String)] = [
                (#"{"text": ""}"#, 400, "invalid_text"), (#"{"text": "\#(long)"}"#, 400, "invalid_text"),
                (#"{"text": "x", "commission_id": "y"}"#, 400, "invalid_commission_id"),
                (#"{"text": "x", "other": 1}"#, 400, "field_unknown"),
                (#"{"text": "x", "affiliate_id": "aff-5"}"#, 403, "forbidden"),
                (#"{"text": "x", "commission_id": "\#(foreign)"}"#, 409, "nothing_to_appeal"),
                (#"{"text": "x", "event_id": "none"}"#, 409, "nothing_to_appeal"),
            ]
            for (body, status, code) in refused {
                let reply = try await client.post("/appeals", json: body)
                #expect(reply.status == status && reply.json?["code"]?.string == code, "\(body): \(reply.body)")
            }
            let body = #"{"text": "It was our sale.", "commission_id": "\#(commission)"}"#
            let opened = try await client.post("/appeals", json: body, key: "k")
            #expect(opened.status == 201, "\(opened.body)")
            #expect(opened.json?["order_id"]?.string == "order-aff-2")
            #expect(try await client.post("/appeals", json: body, key: "k").body == opened.body)
            #expect(try await client.post("/appeals", json: body).json?["code"]?.string == "appeal_open")
            #expect(try await client.post("/appeals", json: #"{"text": "All of it."}"#).status == 201)
            #expect(try await client.get("/appeals").json?["data"]?.array?.count == 2)
            let other = try await console.browser(.affiliate, email: "b@example.test", affiliateID: "aff-9")
            #expect(try await other.get("/appeals").json?["data"]?.array?.isEmpty == true)
            #expect(
                try await other.post("/appeals", json: #"{"text": "x"}"#).json?["code"]?.string == "nothing_to_appeal")
        }
    }

    @Test("What was rejected can be appealed from the affiliate's page, and then waits there for its answer")
    func rejected() async throws {
        try await TestConsole.with { console in
            try await FraudDeskData.insert(into: console)
            try await console.run(
                """
                INSERT INTO intake_exception (topic_partition, record_offset, outcome, code, event_id, affiliate_id,
                    kind, order_id, program_id)
                SELECT 1, n, CASE n WHEN 4 THEN 'duplicate' ELSE 'rejected' END, 108, 'event-' || n,
                    CASE n WHEN 3 THEN 'aff-5' ELSE 'aff-2' END, 2, 'refused-' || n, 'cumulus-uk'
                FROM generate_series(1, 4) n
                """)
            let client = try await console.browser(.affiliate, affiliateID: "aff-2")
            let before = try await client.get("/console/appeals").body
            let sentence = try #require(ReasonCode(rawValue: 108)?.sentence)
            for (words, isThere) in [
                ("refused-1", true), ("refused-2", true), ("refused-3", false), ("refused-4", false), (sentence, true),
            ] {
                #expect(before.contains(words) == isThere, "\(words)")
            }
            let sent = try await client.submit("/console/appeals", ["event_id": "event-1", "text": "It was in time."])
            #expect(sent.header("location") == "/console/appeals?notice=appealed", "\(sent.body)")
            let after = try await client.get("/console/appeals").body
            #expect(after.contains("Conversion event-1") && after.contains("It was in time."))
            #expect(!after.contains("Order refused-1") && after.contains("Order refused-2"))
            let desk = try await console.browser(.fraud)
            let id = try await console.text(
                "SELECT fraud_case_id::text FROM fraud_case WHERE affiliate_id = 'aff-2' ORDER BY 1 LIMIT 1")
            let said = try await desk.get("/fraud-flags/\(id)").json?["appeals"]?.array ?? []
            #expect(said.map { $0["text"]?.string } == ["It was in time."])
            #expect(try await desk.get("/console/fraud/\(id)").body.contains("It was in time."))
        }
    }

    @Test("An accepted appeal dismisses its case with an allowance; undone, it waits for another answer")
    func accepted() async throws {
        try await TestConsole.with { console in
            let commission = try await Self.held(console)
            let affiliate = try await console.browser(.affiliate, affiliateID: "aff-2")
            let appeal = try await affiliate.post(
                "/appeals", json: #"{"text": "It was our sale.", "commission_id": "\#(commission)"}"#)
            let path = "/appeals/\(appeal.json?["appeal_id"]?.integer ?? 0)/answer"
            let desk = try await console.browser(.fraud)
            let queue = try await desk.get("/fraud-flags?kind=timing").json?["data"]?.array?.first
            #expect(queue?["open_appeals"]?.integer == 1)
            #expect(try await affiliate.post(path, json: "{}").status == 403)
            #expect(
                try await desk.post(path, json: #"{"decision": "accept"}"#).json?["code"]?.string == "answer_required")
            let body = #"{"decision": "accept", "answer": "Thank you, we saw it.", "allowance_days": 20}"#
            let done = try await desk.post(path, json: body)
            #expect(done.json?["dismissed_fraud_flag_ids"]?.array?.count == 1, "\(done.body)")
            #expect(try await desk.post(path, json: body).json?["code"]?.string == "appeal_answered")
            #expect(
                try await console.count("SELECT count(*) FROM fraud_decision WHERE allowance_days = 20") == 1)
            #expect(
                try await console.count("SELECT count(*) FROM commission WHERE status = 'pending'") == 1)
            let told = try #require(try await affiliate.get("/appeals").json?["data"]?.array?.first)
            #expect(told["answer"]?.string == "Thank you, we saw it.")
            #expect(told["answered_by"] == nil && told["fraud_flag_ids"] == nil)
            let undo = "/fraud-decisions/\(done.json?["decision_id"]?.string ?? "")/undo"
            #expect(try await desk.post(undo, json: "{}").status == 200)
            #expect(try await desk.get("/appeals?status=open").json?["data"]?.array?.count == 1)
            #expect(
                try await console.count("SELECT count(*) FROM commission WHERE status = 'held'") == 3)
        }
    }

    @Test("The affiliate reads in plain words what waits and what it was answered, and no secret of how it was found")
    func page() async throws {
        try await TestConsole.with { console in
            _ = try await Self.held(console)
            let affiliate = try await console.browser(.affiliate, affiliateID: "aff-2")
            let sent = try await affiliate.submit("/console/appeals", ["text": "<b>Ask</b> our editor."])
            #expect(sent.header("location") == "/console/appeals?notice=appealed", "\(sent.body)")
            let desk = try await console.browser(.fraud)
            let id = try await console.text("SELECT appeal_id::text FROM appeal")
            #expect(try await desk.get("/console/appeals").body.contains("/console/fraud/"))
            let answered = try await desk.submit(
                "/console/appeals/\(id)/answer",
                ["decision": "reject", "answer": "The orders were not made by people."])
            #expect(answered.header("location") == "/console/appeals?notice=appeal-answered")
            let page = try await affiliate.get("/console/appeals").body
            for words in ["order-aff-2", "200.00", "&lt;b&gt;Ask", "Not accepted", "not made by people"] {
                #expect(page.contains(words), "\(words)")
            }
            for secret in ["timing", "7 of 12", "code 4", "/console/fraud", "fraud@example.test", "402"] {
                #expect(!page.contains(secret), "\(secret)")
            }
            #expect(try await affiliate.get("/console/fraud").status == 403)
        }
    }
}
