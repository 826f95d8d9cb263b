import Domain
import Events
import Postgres
import Storage
import Testing

@testable import ConsoleApp

@Suite("Statements over the API and as pages", .serialized, .timeLimit(.minutes(2))) struct StatementAPITests {
    /// October is closed: earned, paid out; in November something of October is taken back, something new is earned.
    static func feed(_ console: TestConsole) async throws {
        try await OutcomeAPITests.feed(console)
        try await console.run(
            """
            INSERT INTO payout_method (affiliate_id, provider, account, last4, provider_account, state, usable_from,
                entered_by, entered_at)
            SELECT affiliate_id, 'stripe', provider_account, '6789', provider_account, 'active', now(), 'x', now()
            FROM affiliate WHERE affiliate_id = 'aff-1'
            """)
        let feed = ScorerFeed(console: console)
        try await feed.take(
            [feed.order("o-11", affiliate: "aff-1", minutes: 30), feed.order("o-12", affiliate: "aff-1", minutes: 29)],
            from: 50)
        console.clock.advance(seconds: 9 * 86_400)
        let now = console.clock.now
        try await console.pool.transaction { transaction throws(PostgresError) in
            _ = try PeriodStore.close(
                CivilDate(daysSinceEpoch: now.day - 9), by: "user:x", at: now, in: transaction)
        }
        try await feed.take(
            [
                feed.event(
                    "refund", "e-r1", minutes: 9, #""order_id": "o-11", "amount_minor": 5000, "currency": "USD""#),
                feed.event(
                    "chargeback", "e-r3", minutes: 8, #""order_id": "o-12", "amount_minor": 10000, "currency": "USD""#),
                feed.order("o-8", affiliate: "aff-1", minutes: 7), feed.order("o-9", affiliate: "aff-1", minutes: 6),
                feed.event(
                    "refund", "e-r9", minutes: 5, #""order_id": "o-9", "amount_minor": 2500, "currency": "USD""#),
            ], from: 100)
    }

    private static func lines(_ reply: TestReply) throws -> [String] {
        try #require(reply.json?["data"]?.array, "\(reply.body)").flatMap { account in
            let lines = account["lines"]?.array?.map { line in
                let parts = [
                    line["description"]?.string, line["program_id"]?.string,
                    line["concerns"]?.string.map { "of \($0)" },
                    line["count"]?.integer.map { "× \($0)" }, line["provider"]?.string, line["last4"]?.string,
                    line["reference"]?.string,
                ]
                return parts.compactMap(\.self).joined(separator: " ") + ": \(line["amount_minor"]?.integer ?? 0)"
            }
            return ["opening \(account["opening_minor"]?.integer ?? -1)"] + (lines ?? [])
                + ["closing \(account["closing_minor"]?.integer ?? -1) \(account["currency"]?.string ?? "")"]
        }
    }

    @Test("An affiliate reads its months, what changed each, and that the next one begins where the last one ended")
    func own() async throws {
        try await TestConsole.with { console in
            try await Self.feed(console)
            let client = try await console.browser(.affiliate, affiliateID: "aff-1")
            let list = try await client.get("/statements")
            let months = try #require(list.json?["data"]?.array, "\(list.body)").map { row in
                let sums = ["opening", "accrued", "reversed", "paid", "other", "closing"].map {
                    String(row[$0 + "_minor"]?.integer ?? -1)
                }
                return ([row["month"]?.string ?? "", row["currency"]?.string ?? ""] + sums).joined(separator: " ")
                    + (row["closed_at"]?.string == nil ? " open" : "")
            }
            #expect(
                months == ["2026-11 USD 1600 1600 1400 0 0 1800 open", "2026-10 USD 0 11600 0 10000 0 1600"])
            #expect(
                try Self.lines(await client.get("/statements/2026-10")) == [
                    "opening 0", "Commissions shoes × 3: 11600", "Payout × 1 stripe 6789 po_aff-1: -10000",
                    "closing 1600 USD",
                ])
            #expect(
                try Self.lines(await client.get("/statements/2026-11?currency=USD")) == [
                    "opening 1600", "Commissions shoes × 2: 1600", "Taken back: refund shoes × 1: -200",
                    "Taken back: chargeback shoes of 2026-10 × 1: -800",
                    "Taken back: refund shoes of 2026-10 × 1: -400",
                    "closing 1800 USD",
                ])
        }
    }

    @Test("Staff see the statements of any affiliate, an affiliate its own alone, and a mistake is told with its value")
    func scope() async throws {
        try await TestConsole.with { console in
            try await Self.feed(console)
            let own = try await console.browser(.affiliate, affiliateID: "aff-1")
            let staff = try await console.browser(.viewer)
            let outsider = try await console.program(scopes: [.readFleet])
            let cases: [(TestClient, String, Int, String, String?)] = [
                (own, "?affiliate_id=aff-3", 403, "forbidden", "payments:read"),
                (own, "/2026-10?affiliate_id=aff-3", 403, "forbidden", "payments:read"),
                (own, "/2026-09", 404, "not_found", "2026-09"),
                (own, "/2026-10?currency=EUR", 404, "not_found", "2026-10 EUR"),
                (own, "/2026-13", 400, "invalid_month", "2026-13"),
                (own, "/october", 400, "invalid_month", "october"),
                (own, "/2026-10?format=pdf", 400, "invalid_format", "pdf"),
                (own, "?cursor=x", 400, "invalid_cursor", "x"),
                (own, "?limit=0", 400, "invalid_limit", "0"),
                (staff, "", 400, "affiliate_id_required", nil),
                (staff, "/2026-10", 400, "affiliate_id_required", nil),
                (staff, "?affiliate_id=none", 404, "not_found", "none"),
                (outsider, "?affiliate_id=aff-1", 403, "forbidden", "payments:read"),
            ]
            for (client, path, status, code, value) in cases {
                let reply = try await client.get("/statements" + path)
                #expect(reply.status == status, "\(path)")
                #expect(reply.json?["code"]?.string == code, "\(path)")
                #expect(reply.json?["value"]?.string == value, "\(path)")
                #expect(reply.json?["detail"]?.string?.hasSuffix(".") == true, "\(path)")
            }
            let foreign = try await staff.get("/statements/2026-10?affiliate_id=aff-1")
            #expect(try await own.get("/statements/2026-10").body == foreign.body)
            for (client, path, status) in [
                (own, "", 200), (own, "/2026-10", 200), (own, "/2026-10?affiliate_id=aff-3", 403),
                (own, "/2026-09", 404), (staff, "", 200), (staff, "/2026-10?affiliate_id=aff-1", 200),
            ] {
                #expect(try await client.get("/console/statements" + path).status == status, "\(path)")
            }
        }
    }

    @Test("The file of a statement has its lines between the two balances, and the list goes on behind a page")
    func files() async throws {
        try await TestConsole.with { console in
            try await Self.feed(console)
            let client = try await console.browser(.affiliate, affiliateID: "aff-1")
            let file = try await client.get("/statements/2026-11?format=csv")
            #expect(file.header("content-disposition") == "attachment; filename=\"statements-2026-11.csv\"")
            #expect(
                file.body == """
                    month,affiliate_id,currency,kind,description,date,program_id,tier,reason,concerns,payout_id,\
                    provider,reference,last4,count,amount
                    2026-11,aff-1,USD,opening,Opening balance,2026-11-01,,,,,,,,,,16.00
                    2026-11,aff-1,USD,commission,Commissions,,shoes,1,,,,,,,2,16.00
                    2026-11,aff-1,USD,reversed,Taken back: refund,,shoes,1,refund,,,,,,1,-2.00
                    2026-11,aff-1,USD,reversed,Taken back: chargeback,,shoes,1,chargeback,2026-10,,,,,1,-8.00
                    2026-11,aff-1,USD,reversed,Taken back: refund,,shoes,1,refund,2026-10,,,,,1,-4.00
                    2026-11,aff-1,USD,closing,Closing balance,2026-11-30,,,,,,,,,,18.00

                    """)
            let first = try await client.get("/statements?limit=1&format=csv")
            #expect(first.body.hasSuffix("2026-11,aff-1,USD,16.00,16.00,14.00,0.00,0.00,18.00,\n"))
            let next = try #require(first.header("link")?.firstMatch(of: #/<([^>]+)>/#)?.1)
            let second = try await client.get(String(next))
            #expect(second.body.contains("2026-10,aff-1,USD,0.00,116.00,0.00,100.00,0.00,16.00,2026-11-"))
            #expect(second.header("link") == nil)
        }
    }
}
