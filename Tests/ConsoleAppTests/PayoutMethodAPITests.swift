import Events
import Storage
import Testing

@testable import ConsoleApp

@Suite("Payout methods over the API") struct PayoutMethodAPITests {
    private static let address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

    private static func body(
        _ members: String = #""kind":"usdc","chain":"BASE","account":"\#(address)""#,
        password: String = TestConsole.password
    ) -> String { #"{\#(members),"password":"\#(password)"}"# }

    @Test("A method is entered with the password, once per key, and is shown as cooling for 48 hours")
    func entered() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.finance)
            let made = try await client.post(
                "/affiliates/aff-1/payout-method", json: PayoutMethodAPITests.body(), key: "k")
            #expect(made.status == 201)
            #expect(made.json?["state"]?.string == "cooling")
            #expect(made.json?["account"]?.string == PayoutMethodAPITests.address)
            #expect(
                made.json?["usable_from"]?.string
                    == console.clock.now.adding(seconds: PayoutMethodStore.coolingSeconds).rfc3339)
            let again = try await client.post(
                "/affiliates/aff-1/payout-method", json: PayoutMethodAPITests.body(), key: "k")
            #expect(again.body == made.body)
            #expect(try await console.count("SELECT count(*) FROM payout_method") == 1)
            #expect(try await client.get("/affiliates/aff-1/payout-method").body == made.body)
            #expect(try await client.get("/affiliates/aff-1").json?["has_payout_account"]?.bool == false)
            let audit = try await console.text(
                "SELECT detail::text FROM audit_log WHERE action = 'enter payout method'")
            #expect(audit.contains(PayoutMethodAPITests.address) && !audit.contains(TestConsole.password))
        }
    }

    @Test("Without the right password, or by a program, nothing changes; five wrong ones are enough")
    func password() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let path = "/affiliates/aff-1/payout-method"
            let client = try await console.browser(.owner)
            for index in 0..<5 {
                let reply = try await client.post(
                    path, json: PayoutMethodAPITests.body(password: "wrong"), key: "k\(index)")
                #expect(reply.status == 403 && reply.json?["code"]?.string == "password_wrong")
            }
            #expect(try await client.post(path, json: PayoutMethodAPITests.body(), key: "k").status == 429)
            let program = try await console.program(scopes: Set(Permission.allCases))
            #expect(try await program.post(path, json: PayoutMethodAPITests.body(), key: "k").status == 403)
            #expect(try await console.count("SELECT count(*) FROM payout_method") == 0)
        }
    }

    @Test("An affiliate enters its own method and nobody else's")
    func ownOnly() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.affiliate, affiliateID: "aff-1")
            let own = try await client.post(
                "/affiliates/aff-1/payout-method", json: PayoutMethodAPITests.body(), key: "a")
            #expect(own.status == 201)
            let other = try await client.post(
                "/affiliates/aff-2/payout-method", json: PayoutMethodAPITests.body(), key: "b")
            #expect(other.status == 404)
            #expect(try await client.get("/affiliates/aff-2/payout-method").status == 404)
            #expect(try await console.count("SELECT count(*) FROM payout_method") == 1)
        }
    }

    @Test(
        "What nobody can be paid to is refused with its reason",
        arguments: [
            (#""kind":"usdc","account":"\#(address)""#, 400, "chain_required"),
            (#""kind":"usdc","chain":"XRP","account":"\#(address)""#, 400, "invalid_chain"),
            (#""kind":"usdc","chain":"SOL","account":"\#(address)""#, 422, "address_not_base58"),
            (
                #""kind":"usdc","chain":"ETH","account":"0x52908400098527886E0F7030069857D2E4169EE8""#, 422,
                "no_checksum"
            ),
            (
                #""kind":"usdc","chain":"BASE","account":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913""#, 422,
                "address_denied"
            ),
            (#""kind":"bank","account":"acct_1","last4":"12a4""#, 422, "last4_malformed"),
            (#""kind":"bank","account":"DE89","last4":"1234""#, 422, "stripe_account_malformed"),
            (#""kind":"bank","account":"acct_1""#, 400, "last4_required"),
            (#""kind":"cash","account":"x""#, 400, "invalid_kind"), (#""account":"x""#, 400, "kind_required"),
            (#""kind":"manual""#, 400, "account_required"),
        ])
    func refused(members: String, status: Int, code: String) async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.owner)
            let reply = try await client.post(
                "/affiliates/aff-1/payout-method", json: PayoutMethodAPITests.body(members), key: "k")
            #expect(reply.status == status)
            #expect(reply.json?["code"]?.string == code)
            #expect(reply.json?["detail"]?.string?.isEmpty == false)
            #expect(try await console.count("SELECT count(*) FROM payout_method") == 0)
        }
    }

    @Test("An address without a checksum is taken once it is confirmed, and stored with its checksum")
    func confirmed() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.owner)
            let members = #""kind":"usdc","chain":"BASE","account":"\#(PayoutMethodAPITests.address.lowercased())""#
            let reply = try await client.post(
                "/affiliates/aff-1/payout-method",
                json: PayoutMethodAPITests.body(members + #","confirmed":true"#), key: "k")
            #expect(reply.status == 201)
            #expect(reply.json?["account"]?.string == PayoutMethodAPITests.address)
            #expect(try await client.get("/affiliates/none/payout-method").status == 404)
            let unknown = try await client.post(
                "/affiliates/none/payout-method", json: PayoutMethodAPITests.body(), key: "n")
            #expect(unknown.status == 404)
        }
    }
}
