import Domain
import Events
import Foundation
import Postgres
import Storage
import Testing

@testable import ConsoleApp

@Suite("Rules, rates and the books over the API") struct RuleAPITests {
    private static func rules(_ rules: String, version: Int? = nil) -> String {
        let version = version.map { #""rules_version": \#($0), "# } ?? ""
        return #"{"program_id": "shoes", \#(version)"rules": [\#(rules)]}"#
    }
    private static let standard = #"{"id": "standard", "action": {"percent": 900}}"#
    private static let german =
        #"{"id": "german", "priority": 5, "conditions": {"countries": ["DE"]}, "action": {"fixed": 150}}"#

    @Test("Rules are planned, applied once, and refused to whoever has not seen the last change")
    func change() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.program(scopes: [.readRules, .changeRules])
            let wanted = Self.rules(Self.standard + "," + Self.german, version: 1)
            let plan = try await client.post("/rules/plan", json: wanted)
            #expect(plan.json?["changes"]?.array?.map { $0["change"]?.string } == ["add", "change"])
            #expect(try await client.get("/rules?program_id=shoes").json?["rules_version"]?.integer == 1)
            #expect(try await client.post("/rules", json: wanted).status == 400)
            let applied = try await client.post("/rules", json: wanted, key: "k1")
            #expect(applied.status == 200)
            #expect(applied.json?["rules_version"]?.integer == 2)
            #expect(try await client.post("/rules", json: wanted, key: "k1").json?["rules_version"]?.integer == 2)
            let stale = try await client.post("/rules", json: wanted, key: "k2")
            #expect(stale.status == 409)
            #expect(stale.json?["code"]?.string == "rules_changed")
            let listed = try await client.get("/rules?program_id=shoes").json?["data"]?.array
            #expect(
                listed?.map { "\($0["id"]?.string ?? "") \($0["version"]?.integer ?? 0)" } == [
                    "german 1", "standard 2", "standard 1",
                ])
            let end = try await client.post("/rules", json: Self.rules(Self.german, version: 2), key: "k3")
            #expect(end.json?["changes"]?.array?.map { $0["change"]?.string } == ["keep", "end"])
            #expect(try await console.count("SELECT count(*) FROM audit_log WHERE action = 'change rules'") == 2)
        }
    }

    @Test(
        "What cannot be a rule is refused with its place",
        arguments: [
            (#"{"program_id": "shoes"}"#, 422, "rule_invalid"), ("{}", 400, "program_id_required"),
            (rules(#"{"id": "x"}"#), 422, "rule_invalid"), (rules(#"{"action": {"percent": 1}}"#), 422, "rule_invalid"),
            (rules(#"{"id": "x", "action": {"percent": 10001}}"#), 422, "rule_invalid"),
            (rules(standard + "," + standard), 422, "rules_refused"),
            (
                rules(#"{"id": "standard", "action": {"percent": 1}, "valid_from": "1969-01-01T00:00:00Z"}"#), 422,
                "rules_refused"
            ),
            (#"{"program_id": "none", "rules": []}"#, 404, "not_found"),
        ])
    func refused(body: String, status: Int, code: String) async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.program(scopes: [.readRules, .changeRules])
            for path in ["/rules/plan", "/rules"] {
                let reply = try await client.post(path, json: body, key: "k")
                #expect(reply.status == status)
                #expect(reply.json?["code"]?.string == code)
            }
        }
    }

    @Test(
        "A simulation says who wins, why the others lose, and the money, for an order that never was and one that was")
    func simulation() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.program(scopes: [.readRules, .changeRules])
            _ = try await client.post("/rules", json: Self.rules(Self.standard + "," + Self.german), key: "k")
            func order(_ country: String, _ program: String = "shoes") -> String {
                """
                {"event_id": "e", "type": "conversion", "occurred_at": "2036-01-01T00:00:00Z",
                 "program_id": "\(program)", "affiliate_id": "aff-1", "order_id": "o", "amount_minor": 10000,
                 "currency": "USD", "country": "\(country)"}
                """
            }
            let german = try await client.post("/rules/simulate", json: order("DE"))
            #expect(german.json?["amount_minor"]?.integer == 150)
            #expect(german.json?["rules"]?.array?.first { $0["lost"] == nil }?["rule_id"]?.string == "german")
            let french = try await client.post("/rules/simulate", json: order("FR"))
            #expect(french.json?["amount_minor"]?.integer == 900)
            #expect(
                french.json?["rules"]?.array?.first?["lost"]?.string
                    == "Its condition countries does not hold: the order has FR.")
            #expect(try await client.post("/rules/simulate", json: order("FR", "none")).status == 404)
            #expect(try await client.post("/rules/simulate", json: "{}").json?["code"]?.string == "reason_101")
            #expect(try await client.post("/rules/simulate", json: #"{"conversion_id": "x"}"#).status == 404)
        }
    }

    @Test("A rate is recorded once, with its source")
    func rates() async throws {
        try await TestConsole.with { console in
            let client = try await console.program(scopes: [.readRules, .quoteRates])
            let quote = """
                {"base": "USD", "quote": "EUR", "rate": "0.9213", "quoted_at": "2026-11-01T12:00:00Z", "source": "ECB"}
                """
            #expect(try await client.post("/fx-quotes", json: quote, key: "a").status == 201)
            #expect(try await client.post("/fx-quotes", json: quote, key: "a").status == 201)
            #expect(try await client.post("/fx-quotes", json: quote, key: "b").status == 409)
            let listed = try await client.get("/fx-quotes").json?["data"]?.array
            #expect(listed?.map { $0["rate"]?.string } == ["0.9213"])
            for (name, wrong) in [
                ("rate", "-1"), ("rate", "1e3"), ("base", "EUR"), ("quoted_at", "now"), ("source", ""),
            ] {
                let body = quote.replacing(
                    try Regex("\"\(name)\": \"[^\"]*\""), with: "\"\(name)\": \"\(wrong)\"")
                #expect(try await client.post("/fx-quotes", json: body, key: name + wrong).status == 400, "\(name)")
            }
        }
    }

    @Test("A month is exported, shown, and closed by a person")
    func periods() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let month = try await console.text(
                "SELECT to_char(min(recorded_at) AT TIME ZONE 'UTC', 'YYYY-MM') FROM ledger_transaction")
            let client = try await console.browser(.finance)
            let csv = try await client.get("/ledger?month=\(month)")
            #expect(csv.header("content-type") == "text/csv; charset=utf-8")
            #expect(csv.body.contains(",exp:commission,liab:affiliate:payable,"))
            #expect(try await client.get("/ledger?month=\(month)&format=hledger").body.contains("expenses:commission"))
            #expect(try await client.get("/ledger?month=2026").status == 400)
            #expect(try await client.get("/ledger?month=\(month)&format=pdf").status == 400)
            let early = try await client.post("/ledger/periods/\(month)/close", json: "{}")
            #expect(early.status == 409)
            #expect(early.json?["code"]?.string == "period_not_over")
            let closed = try await client.post("/ledger/periods/2020-01/close", json: "{}")
            #expect(closed.status == 200)
            #expect(
                try await client.post("/ledger/periods/2020-01/close", json: "{}").json?["code"]?.string
                    == "period_closed")
            #expect(try await console.count("SELECT count(*) FROM audit_log WHERE action = 'close period'") == 1)
            let key = try await console.program(scopes: [.readLedger])
            #expect(try await key.post("/ledger/periods/2020-02/close", json: "{}").status == 403)
        }
    }

    @Test("A commission is explained to whoever earned it, and leads to the ledger and back")
    func explanation() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let id = try await console.text(
                """
                INSERT INTO conversion (conversion_id, event_key, order_id, program_id, affiliate_id, amount_minor,
                    currency, quantity, signal_codes, is_test, country, occurred_at)
                SELECT commission_id, commission_id, 'o-1', program_id, affiliate_id, base_minor, currency, 1, '{202}',
                    false, 'DE', recorded_at FROM commission WHERE affiliate_id = 'aff-2'
                RETURNING conversion_id::text
                """)
            let explained = try await console.browser(.viewer).get("/commissions/\(id)/explanation")
            #expect(explained.status == 200)
            #expect(explained.json?["affiliate_id"]?.string == "aff-2")
            #expect(explained.json?["rules"]?.array?.map { $0["rule_id"]?.string } == ["standard"])
            #expect(explained.json?["calculation"]?.array?.first?.string == "The order amounts to 2000.00 USD.")
            #expect(explained.json?["attribution"]?["signals"]?.array?.map { $0["code"]?.integer } == [202])
            let path = "/commissions/\(id)/explanation"
            #expect(try await console.browser(.affiliate, affiliateID: "aff-2").get(path).status == 200)
            #expect(try await console.browser(.affiliate, affiliateID: "aff-3").get(path).status == 404)
            for wrong in ["x", "00000000-0000-0000-0000-000000000000"] {
                #expect(try await console.browser(.viewer).get("/commissions/\(wrong)/explanation").status == 404)
                #expect(try await console.browser(.viewer).get("/ledger/transactions/\(wrong)").status == 404)
            }
            let transaction = try await console.text("SELECT transaction_id::text FROM ledger_transaction LIMIT 1")
            let found = try await console.browser(.viewer).get("/ledger/transactions/\(transaction)")
            #expect(found.json?["postings"]?.array?.isEmpty == false)
        }
    }
}
