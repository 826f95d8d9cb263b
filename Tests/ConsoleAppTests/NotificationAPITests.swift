import Events
import Postgres
import Testing

@testable import ConsoleApp

@Suite("Notifications and webhook endpoints over the API") struct NotificationAPITests {
    /// One for the admins, one for each of two affiliates.
    private static func seed(_ console: TestConsole) async throws {
        try await console.run(
            "INSERT INTO affiliate (affiliate_id, name, joined_at) VALUES ('a', 'A', now()), ('b', 'B', now())")
        try await console.run(
            """
            INSERT INTO notification (notification_id, event_id, audience, affiliate_id, kind, title, body, link,
                created_at)
            SELECT md5(who)::uuid, md5(who)::uuid, CASE who WHEN 'admin' THEN 'admin' ELSE 'affiliate' END,
                NULLIF(who, 'admin'), 'payout_failed', 'Note for ' || who || '.', 'b', '', $1
            FROM unnest(ARRAY['admin', 'a', 'b']) who
            """, .timestamp(microsecondsSinceEpoch: console.clock.now.microsecondsSinceEpoch))
    }

    @Test("Each reads its own inbox, and marks nobody else's as read")
    func inboxes() async throws {
        try await TestConsole.with { console in
            try await NotificationAPITests.seed(console)
            let rows: [(role: Role, affiliateID: String?, title: String)] = [
                (.viewer, nil, "Note for admin."), (.affiliate, "a", "Note for a."), (.affiliate, "b", "Note for b."),
            ]
            for row in rows {
                let client = try await console.browser(
                    row.role, email: "\(row.role)-\(row.affiliateID ?? "")@x.example", affiliateID: row.affiliateID)
                let list = try await client.get("/notifications").json?["data"]?.array ?? []
                #expect(list.map { $0["title"]?.string } == [row.title])
                let page = try await client.get("/console/notifications").body
                #expect(page.contains(row.title) && rows.filter { page.contains($0.title) }.count == 1)
            }
            let client = try await console.browser(.affiliate, email: "read@x.example", affiliateID: "a")
            #expect(try await client.submit("/console/notifications/read", [:]).status == 303)
            #expect(
                try await console.text("SELECT title FROM notification WHERE read_at IS NOT NULL") == "Note for a.")
        }
    }

    @Test("A person chooses what also comes by e-mail, among what concerns them")
    func preferences() async throws {
        try await TestConsole.with { console in
            try await NotificationAPITests.seed(console)
            let client = try await console.browser(.affiliate, affiliateID: "a")
            let path = "/notifications/preferences"
            let kinds = try await client.get(path).json?["data"]?.array?.compactMap { $0["kind"]?.string } ?? []
            #expect(kinds.contains("payout_sent") && !kinds.contains("break_found"))
            for muted in [["payout_sent", "weekly_update"], ["weekly_update"], []] {
                let list = muted.map { "\"\($0)\"" }.joined(separator: ",")
                let reply = try await client.post(path, json: "{\"muted\": [\(list)]}")
                #expect(reply.status == 200)
                let off = try await client.get(path).json?["data"]?.array?.filter { $0["email"]?.bool == false }
                #expect(Set(off?.compactMap { $0["kind"]?.string } ?? []) == Set(muted))
            }
            let reply = try await client.post(path, json: #"{"muted": ["payout_sent", "spam"]}"#)
            #expect(reply.status == 400)
            // A program has no mailbox.
            let program = try await console.program(scopes: [.readNotifications])
            #expect(try await program.get(path).status == 403)
        }
    }

    @Test(
        "An endpoint that is no HTTPS address is refused with its address",
        arguments: ["http://hooks.example.com/", "https://u:p@h/", "ftp://h/", "hooks.example.com"])
    func refused(url: String) async throws {
        try await TestConsole.with { console in
            let reply = try await console.browser(.owner).post("/webhook-endpoints", json: #"{"url": "\#(url)"}"#)
            #expect(reply.status == 422)
            #expect(reply.json?["code"]?.string == "url_not_https")
            #expect(reply.json?["value"]?.string == url)
            #expect(try await console.count("SELECT count(*) FROM webhook_endpoint") == 0)
        }
    }

    @Test(
        "A host that leads to no address, or to one that is not public, is refused with what it leads to",
        arguments: [("inside.example", "host_not_public", "10.0.0.7"), ("nowhere.example", "host_unknown", nil)])
    func host(name: String, code: String, value: String?) async throws {
        try await TestConsole.with { console in
            let client = try await console.browser(.owner)
            let reply = try await client.post("/webhook-endpoints", json: #"{"url": "https://\#(name)/x"}"#)
            #expect(reply.status == 422)
            #expect(reply.json?["code"]?.string == code)
            #expect(reply.json?["value"]?.string == value ?? name)
            let form = try await client.submit("/console/webhooks/add", ["url": "https://\(name)/x"])
            #expect(form.header("location") == "/console/webhooks?notice=url-refused")
            #expect(try await console.count("SELECT count(*) FROM webhook_endpoint") == 0)
        }
    }

    @Test("An endpoint is added, says its secret once, is stopped, resumed and sent again what it missed")
    func endpoint() async throws {
        try await TestConsole.with { console in
            try await NotificationAPITests.seed(console)
            let client = try await console.browser(.manager)
            let made = try await client.post(
                "/webhook-endpoints", json: #"{"url": "https://h.example/x", "kinds": ["payout_failed"]}"#)
            #expect(made.status == 201)
            let secret = try #require(made.json?["secret"]?.string)
            #expect(secret.hasPrefix("whsec_") && secret.count > 40)
            let id = try #require(made.json?["webhook_endpoint_id"]?.integer)
            #expect(try await !client.get("/webhook-endpoints").body.contains(secret))
            let audit = try await console.text("SELECT detail::text FROM audit_log WHERE action LIKE 'add webhook%'")
            #expect(audit.contains("h.example") && !audit.contains("whsec_"))
            let since = console.clock.now.adding(seconds: -60).rfc3339
            let path = "/webhook-endpoints/\(id)"
            let steps: [(action: String, body: String, status: Int)] = [
                ("stop", "{}", 200), ("replay", #"{"since": "\#(since)"}"#, 404), ("resume", "{}", 200),
                ("replay", "{}", 400), ("replay", #"{"since": "\#(since)"}"#, 200),
            ]
            for step in steps {
                let reply = try await client.post("\(path)/\(step.action)", json: step.body)
                #expect(reply.status == step.status, "\(step): \(reply.body)")
            }
            #expect(try await client.get("\(path)/deliveries").json?["data"]?.array?.count == 3)
            #expect(try await client.post("/webhook-endpoints/99/stop", json: "{}").status == 404)
            for role in [Role.finance, .viewer] {
                #expect(try await console.browser(role).get("/webhook-endpoints").status == 403)
            }
        }
    }

    @Test("An affiliate has endpoints of its own, up to five, sees no other and chooses among what it is told")
    func affiliates() async throws {
        try await TestConsole.with { console in
            let company = try await console.browser(.owner)
            _ = try await company.post("/webhook-endpoints", json: #"{"url": "https://h.example/company"}"#)
            let ada = try await console.browser(.affiliate, email: "ada@example.test", affiliateID: "ada")
            let bob = try await console.browser(.affiliate, email: "bob@example.test", affiliateID: "bob")
            for number in 1...5 {
                let made = try await ada.post(
                    "/webhook-endpoints", json: #"{"url": "https://h.example/\#(number)", "kinds": ["payout_paid"]}"#)
                #expect(made.status == 201, "\(made.body)")
            }
            let sixth = try await ada.post("/webhook-endpoints", json: #"{"url": "https://h.example/6"}"#)
            #expect(sixth.json?["code"]?.string == "endpoints_too_many")
            let foreign = try await ada.post(
                "/webhook-endpoints", json: #"{"url": "https://h.example/7", "kinds": ["fraud_hold"]}"#)
            #expect(foreign.json?["code"]?.string == "invalid_kinds")
            func addresses(_ client: TestClient) async throws -> [String] {
                let rows = try await client.get("/webhook-endpoints").json?["data"]?.array ?? []
                return rows.compactMap { $0["url"]?.string?.split(separator: "/").last.map(String.init) }
            }
            #expect(try await addresses(ada) == ["1", "2", "3", "4", "5"])
            #expect(try await addresses(bob) == [])
            #expect(try await addresses(company).count == 6)
            for action in ["stop", "resume", "replay"] {
                let body = #"{"since": "2020-01-01T00:00:00Z"}"#
                for id in [1, 2] {
                    let reply = try await bob.post("/webhook-endpoints/\(id)/\(action)", json: body)
                    #expect(reply.status == 404, "\(action) \(id)")
                }
            }
            #expect(try await bob.get("/webhook-endpoints/2/deliveries").json?["data"]?.array == [])
            #expect(try await console.count("SELECT count(*) FROM webhook_endpoint WHERE disabled_at IS NULL") == 6)
            #expect(try await ada.post("/webhook-endpoints/2/stop", json: "{}").status == 200)
            let page = try await bob.get("/console/webhooks").body
            #expect(!page.contains("h.example") && !page.contains("fraud_hold") && page.contains("payout_paid"))
        }
    }

    @Test("The page shows the secret of a new endpoint once, and sends again from a day")
    func page() async throws {
        try await TestConsole.with { console in
            try await NotificationAPITests.seed(console)
            let client = try await console.browser(.owner)
            let added = try await client.submit("/console/webhooks/add", ["url": "https://h.example/x"])
            #expect(added.status == 200 && added.body.contains("whsec_"))
            #expect(try await !client.get("/console/webhooks").body.contains("whsec_"))
            let refused = try await client.submit("/console/webhooks/add", ["url": "http://h.example/x"])
            #expect(refused.status == 303 && refused.header("location")?.contains("url-refused") == true)
            let again = try await client.submit("/console/webhooks/1/replay", ["since": "2020-01-01"])
            #expect(again.status == 303)
            #expect(try await console.count("SELECT count(*) FROM notification_delivery") == 3)
            #expect(try await client.submit("/console/webhooks/1/stop", [:]).status == 303)
            #expect(try await client.get("/console/webhooks").body.contains("it was stopped by hand"))
        }
    }
}
