import Domain
import Events
import Testing

@testable import ConsoleApp

@Suite("The fraud desk over the API") struct FraudAPITests {
    @Test("A case is decided once, with a reason, by a person who may; the decision is audited")
    func decide() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.fraud)
            let flag = try #require(try await client.get("/fraud-flags?status=open").json?["data"]?.array?.first)
            let path = "/fraud-flags/\(flag["fraud_flag_id"]?.integer ?? 0)/decide"
            #expect(flag["kind"]?.string == "network")
            #expect(flag["at_risk"]?.array?.isEmpty == true)
            let mistakes: [(String, String)] = [
                (#"{"decision": "maybe", "reason": "x"}"#, "invalid_decision"),
                (#"{"decision": "confirm"}"#, "reason_required"), ("{", "invalid_decision"),
            ]
            for (body, code) in mistakes {
                let reply = try await client.post(path, json: body)
                #expect(reply.status == 400 && reply.json?["code"]?.string == code, "\(reply.body)")
            }
            let body = #"{"decision": "confirm", "reason": "Same office, same cards."}"#
            #expect(try await client.post("/fraud-flags/99999/decide", json: body).status == 404)
            let done = try await client.post(path, json: body, key: "k")
            #expect(done.status == 200, "\(done.body)")
            #expect(done.json?["status"]?.string == "confirmed")
            #expect(done.json?["reason"]?.string == "Same office, same cards.")
            #expect(try await client.post(path, json: body, key: "k").body == done.body)
            #expect(try await client.post(path, json: body).json?["code"]?.string == "fraud_flag_not_open")
            #expect(
                try await console.count(
                    "SELECT count(*) FROM affiliate WHERE fraud_verdict = 'hold' AND affiliate_id = 'aff-7'")
                    == 1)
            #expect(
                try await console.count("SELECT count(*) FROM audit_log WHERE action = 'confirm fraud case'") == 1)
            #expect(try await console.browser(.viewer).post(path, json: body).status == 403)
        }
    }
}
