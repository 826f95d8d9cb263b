import Domain
import Events
import Postgres
import Storage
import Testing

@testable import ConsoleApp

@Suite("Programmes, coupons and affiliates over the API") struct ProgramAPITests {
    @Test("A programme begins with its terms and its first rule, once, and is found")
    func create() async throws {
        try await TestConsole.with { console in
            let client = try await console.browser(.owner)
            let body = """
                {"program_id": "tea", "currency": "EUR", "name": "Tea", "hold_days": 14, "standard_percent": 750,
                 "main_markets": ["DE", "FR"], "minimum_payout_minor": 2500, "pays_in": "program"}
                """
            let made = try await client.post("/programs", json: body, key: "a")
            #expect(made.status == 201)
            #expect(try await client.post("/programs", json: body, key: "a").body == made.body)
            #expect(try await client.post("/programs", json: body, key: "b").json?["code"]?.string == "program_known")
            let found = try await client.get("/programs/tea")
            #expect(found.body == made.body)
            #expect(found.header("etag") == made.header("etag"))
            #expect(found.json?["hold_days"]?.integer == 14)
            #expect(found.json?["auto_approve_limit_minor"]?.integer == 100_000)
            #expect(found.json?["main_markets"]?.array?.map(\.string) == ["DE", "FR"])
            let rules = try await client.get("/rules?program_id=tea").json?["data"]?.array
            #expect(rules?.map { $0["definition"]?.string } == [#"{"action":{"percent":750}}"#])
            #expect(try await console.count("SELECT count(*) FROM audit_log WHERE action = 'create program'") == 1)
            #expect(try await client.get("/programs/none").status == 404)
        }
    }

    @Test(
        "A term that cannot be is refused with its name and value, and nothing changes",
        arguments: [
            ("{", "body_not_object", nil), ("[]", "body_not_object", nil),
            (#"{"hold_day": 3}"#, "field_unknown", "hold_day"), (#"{"currency": "EUR"}"#, "field_unknown", "currency"),
            (#"{"hold_days": -1}"#, "invalid_hold_days", "-1"), (#"{"hold_days": "3"}"#, "invalid_hold_days", "\"3\""),
            (#"{"hold_days": 366}"#, "invalid_hold_days", "366"),
            (#"{"attribution_window_days": 0}"#, "invalid_attribution_window_days", "0"),
            (#"{"minimum_payout_minor": 0}"#, "invalid_minimum_payout_minor", "0"),
            (#"{"auto_approve_limit_minor": 1.5}"#, "invalid_auto_approve_limit_minor", "1.5"),
            (#"{"coupon_beats_click": "yes"}"#, "invalid_coupon_beats_click", "\"yes\""),
            (#"{"pays_in": "gold"}"#, "invalid_pays_in", "\"gold\""), (#"{"name": ""}"#, "invalid_name", "\"\""),
            (#"{"name": " x"}"#, "invalid_name", "\" x\""), (#"{"name": null}"#, "invalid_name", "null"),
            (#"{"main_markets": ["de"]}"#, "invalid_main_markets", #"["de"]"#),
            (#"{"main_markets": "DE"}"#, "invalid_main_markets", "\"DE\""),
        ])
    func refused(body: String, code: String, value: String?) async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.owner)
            let before = try await client.get("/programs/shoes").body
            let reply = try await client.patch("/programs/shoes", json: body, match: "*", key: "k")
            #expect(reply.status == 400)
            #expect(reply.json?["code"]?.string == code)
            #expect(reply.json?["value"]?.string == value)
            #expect(reply.json?["detail"]?.string?.isEmpty == false)
            #expect(try await client.get("/programs/shoes").body == before)
            #expect(try await console.count("SELECT count(*) FROM audit_log WHERE action LIKE '%program'") == 0)
        }
    }

    @Test("Terms are changed by whoever saw them last, once per key, with an audit row of what changed")
    func change() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.owner)
            let seen = try await client.get("/programs/shoes").header("etag")
            let wanted = #"{"hold_days": 30, "coupon_beats_click": true}"#
            #expect(try await client.patch("/programs/shoes", json: wanted, match: seen).status == 400)
            #expect(
                try await client.patch("/programs/shoes", json: wanted, match: nil, key: "k").json?["code"]?.string
                    == "if_match_required")
            let changed = try await client.patch("/programs/shoes", json: wanted, match: seen, key: "k")
            #expect(changed.status == 200)
            #expect(changed.json?["hold_days"]?.integer == 30)
            let again = try await client.patch("/programs/shoes", json: wanted, match: seen, key: "k")
            #expect(again.body == changed.body)
            #expect(again.header("etag") == changed.header("etag"))
            let stale = try await client.patch("/programs/shoes", json: wanted, match: seen, key: "l")
            #expect(stale.status == 412)
            #expect(stale.json?["code"]?.string == "changed_meanwhile")
            #expect(stale.header("etag") == changed.header("etag"))
            let same = try await client.patch(
                "/programs/shoes", json: wanted, match: "\"x\", \(changed.header("etag") ?? "")", key: "m")
            #expect(same.status == 200)
            #expect(
                try await console.text(
                    """
                    SELECT string_agg(concat_ws(' ', actor, action, subject, detail), '; ') FROM audit_log
                    WHERE action = 'change program'
                    """)
                    == "user:owner@example.test change program shoes "
                    + #"{"hold_days": {"to": 30, "from": 0}, "coupon_beats_click": {"to": true, "from": false}}"#)
            #expect(try await client.patch("/programs/none", json: wanted, match: "*", key: "n").status == 404)
        }
    }

    @Test("A longer hold leaves the dates of recorded commissions as they were fixed")
    func holdDates() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let dates: Statement = "SELECT string_agg(hold_until::text, ',' ORDER BY commission_id) FROM commission"
            let before = try await console.text(dates)
            let client = try await console.browser(.finance)
            let reply = try await client.patch("/programs/shoes", json: #"{"hold_days": 90}"#, match: "*", key: "k")
            #expect(reply.json?["hold_days"]?.integer == 90)
            #expect(try await console.text(dates) == before)
            let feed = ScorerFeed(console: console)
            try await feed.take([feed.order("later", minutes: 0)])
            let later = try await console.text(
                "SELECT (hold_until - occurred_at)::text FROM commission JOIN conversion USING (conversion_id)")
            #expect(later == "90 days")
        }
    }

    @Test("Whoever keeps programmes does not lift the limits of payouts: finance does, and no key can")
    func limits() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let limit = #"{"auto_approve_limit_minor": 99999999}"#
            let manager = try await console.browser(.manager)
            let refused = try await manager.patch("/programs/shoes", json: limit, match: "*", key: "k")
            #expect(refused.status == 403)
            #expect(refused.json?["value"]?.string == "payout_limits:write")
            let name = #"{"name": "Shoes and boots"}"#
            #expect(try await manager.patch("/programs/shoes", json: name, match: "*", key: "l").status == 200)
            let key = try await console.program(scopes: [.changePrograms, .setPayoutLimits])
            #expect(try await key.patch("/programs/shoes", json: limit, match: "*", key: "k").status == 403)
            let finance = try await console.browser(.finance)
            #expect(try await finance.patch("/programs/shoes", json: limit, match: "*", key: "k").status == 200)
            var forged = finance
            forged.csrfToken = nil
            #expect(try await forged.patch("/programs/shoes", json: name, match: "*", key: "m").status == 403)
        }
    }

    @Test("A coupon is given to one affiliate, its time can change, and nobody else gets the code")
    func coupons() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.manager)
            let path = "/programs/shoes/coupons"
            let table: [(body: String, status: Int, code: String?)] = [
                (#"{"code": "RUN10", "affiliate_id": "aff-2"}"#, 201, nil),
                (#"{"code": "RUN10", "affiliate_id": "aff-2"}"#, 200, nil),
                (#"{"code": "RUN10", "affiliate_id": "aff-2", "valid_until": "2026-12-01T00:00:00Z"}"#, 200, nil),
                (#"{"code": "RUN10", "affiliate_id": "aff-3"}"#, 409, "coupon_taken"),
                (#"{"code": "SALE", "affiliate_id": "aff-3"}"#, 201, nil),
                (#"{"code": "X", "affiliate_id": "nobody"}"#, 404, "not_found"),
                (#"{"affiliate_id": "aff-3"}"#, 400, "code_required"),
                (#"{"code": "X"}"#, 400, "affiliate_id_required"),
                (
                    #"{"code": "X", "affiliate_id": "aff-3", "valid_from": "2026-02-01T00:00:00Z", "#
                        + #""valid_until": "2026-02-01T00:00:00Z"}"#, 400, "invalid_valid_until"
                ),
                (#"{"code": "X", "affiliate_id": "aff-3", "valid_from": "soon"}"#, 400, "invalid_valid_from"),
            ]
            for (index, line) in table.enumerated() {
                let reply = try await client.post(path, json: line.body, key: "k\(index)")
                #expect(reply.status == line.status, "\(line.body): \(reply.body)")
                #expect(reply.json?["code"]?.string == line.code ?? reply.json?["code"]?.string)
            }
            let listed = try await client.get(path).json?["data"]?.array
            #expect(listed?.map { $0["code"]?.string } == ["RUN10", "SALE"])
            #expect(listed?.first?["valid_until"]?.string == "2026-12-01T00:00:00Z")
            #expect(try await client.get(path + "?affiliate_id=aff-3").json?["data"]?.array?.count == 1)
            let page = try await client.get(path + "?limit=1").json?["next_cursor"]?.string ?? ""
            #expect(try await client.get(path + "?limit=1&cursor=\(page)").json?["data"]?.array?.count == 1)
            #expect(try await client.get("/programs/none/coupons").status == 404)
            #expect(try await console.count("SELECT count(*) FROM audit_log WHERE action LIKE '%coupon'") == 3)
        }
    }

    @Test("An affiliate begins once, with its group and whoever referred it")
    func newAffiliates() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.manager)
            let table: [(body: String, status: Int, code: String?)] = [
                (
                    #"{"affiliate_id": "new", "email": "n@example.test", "country": "DE", "referred_by": "aff-2"}"#,
                    201, nil
                ),
                (#"{"affiliate_id": "new"}"#, 409, "affiliate_known"), ("{}", 400, "affiliate_id_required"),
                (#"{"affiliate_id": "a b"}"#, 400, "invalid_affiliate_id"),
                (#"{"affiliate_id": "x", "email": "nobody"}"#, 400, "invalid_email"),
                (#"{"affiliate_id": "x", "country": "de"}"#, 400, "invalid_country"),
                (#"{"affiliate_id": "x", "referred_by": "nobody"}"#, 404, "not_found"),
                (#"{"affiliate_id": "x", "referred_by": "x"}"#, 404, "not_found"),
                (#"{"affiliate_id": "x", "status": "active"}"#, 400, "field_unknown"),
            ]
            for (index, line) in table.enumerated() {
                let reply = try await client.post("/affiliates", json: line.body, key: "k\(index)")
                #expect(reply.status == line.status, "\(line): \(reply.body)")
                #expect(reply.json?["code"]?.string == line.code)
            }
            let found = try await client.get("/affiliates/new")
            #expect(found.json?["referred_by"]?.string == "aff-2")
            #expect(
                found.header("etag")
                    == (try await client.post("/affiliates", json: table[0].body, key: "k0")).header("etag"))
        }
    }

    @Test("An affiliate gets another name, group, status or referrer; a referral never leads back to itself")
    func affiliates() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            try await console.run("INSERT INTO affiliate (affiliate_id, name) VALUES ('an odd/id ü', 'Odd')")
            let client = try await console.browser(.manager)
            let table: [(id: String, body: String, status: Int, code: String?)] = [
                ("aff-1", #"{"name": "One", "group_id": "gold", "status": "blocked"}"#, 200, nil),
                ("aff-1", #"{"referred_by": "aff-2"}"#, 200, nil), ("aff-2", #"{"referred_by": "aff-3"}"#, 200, nil),
                ("aff-3", #"{"referred_by": "aff-1"}"#, 422, "referral_circle"),
                ("aff-3", #"{"referred_by": "aff-3"}"#, 422, "referral_circle"),
                ("aff-3", #"{"referred_by": "nobody"}"#, 404, "not_found"),
                ("aff-1", #"{"referred_by": null, "group_id": null}"#, 200, nil),
                ("aff-3", #"{"referred_by": "aff-1"}"#, 200, nil),
                ("aff-1", #"{"status": "gone"}"#, 400, "invalid_status"),
                ("aff-1", #"{"email": "x@example.test"}"#, 400, "field_unknown"), ("nobody", "{}", 404, "not_found"),
                ("an%20odd%2Fid%20%C3%BC", #"{"group_id": "odd"}"#, 200, nil),
            ]
            for (index, line) in table.enumerated() {
                let path = "/affiliates/" + line.id
                let reply = try await client.patch(path, json: line.body, match: "*", key: "k\(index)")
                #expect(reply.status == line.status, "\(line): \(reply.body)")
                #expect(reply.json?["code"]?.string == line.code)
            }
            let found = try await client.get("/affiliates/aff-1")
            #expect(found.json?["name"]?.string == "One")
            #expect(found.json?["group_id"] == nil)
            let stale = try await client.patch("/affiliates/aff-1", json: "{}", match: "\"x\"", key: "stale")
            #expect(stale.status == 412)
            for (query, ids) in [
                ("?status=blocked", ["aff-1"]), ("?referred_by=aff-1", ["aff-3"]), ("?group_id=odd", ["an odd/id ü"]),
                ("?limit=2", ["aff-1", "aff-10"]), ("?group_id=none", []),
            ] {
                let rows = try await client.get("/affiliates" + query).json?["data"]?.array
                #expect(rows?.map { $0["affiliate_id"]?.string } == ids)
            }
            #expect(try await console.count("SELECT count(*) FROM audit_log WHERE action = 'change affiliate'") == 6)
            #expect(try await console.browser(.viewer).patch("/affiliates/aff-1", json: "{}", match: "*").status == 403)
        }
    }
}
