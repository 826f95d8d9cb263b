import Domain
import Events
import Postgres
import Testing

@testable import ConsoleApp

@Suite struct AccessTests {
    @Test("A password matches its hash and no other does")
    func passwordHash() throws {
        let hash = try PasswordHash(password: "pässword", cost: .init(rounds: 16))
        let stored = try #require(PasswordHash(stored: hash.description))
        #expect(try stored.matches("pässword"))
        #expect(try stored.matches("pa\u{308}ssword"), "an accent composed by another keyboard is the same accent")
        #expect(try !stored.matches("password"))
        #expect(hash.description != (try PasswordHash(password: "pässword", cost: .init(rounds: 16))).description)
    }

    @Test(
        "A stored hash that we did not write is refused, and one that would cost too much",
        arguments: [
            "", "plain", "scrypt$16$8$1$00", "scrypt$15$8$1$00$00", "scrypt$16777216$8$1$00$\(zeros)",
            "scrypt$16$8$99$00$\(zeros)", "bcrypt$16$8$1$00$\(zeros)",
        ])
    func foreignHash(stored: String) {
        #expect(PasswordHash(stored: stored) == nil)
    }

    private static let zeros = String(repeating: "0", count: 64)

    @Test("A login opens a session that the cookie alone carries, and logging out ends it")
    func logInAndOut() async throws {
        try await TestConsole.with { console in
            let email = try await console.addUser(.viewer)
            let anonymous = TestClient(port: console.port)
            let reply = try await anonymous.submit(
                "/login", ["email": email.uppercased(), "password": TestConsole.password, "next": "/console/topics"])
            #expect(reply.status == 303)
            #expect(reply.header("location") == "/console/topics")
            let cookie = try #require(reply.header("set-cookie"))
            #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"))
            let token = try #require(cookie.split(separator: ";").first?.split(separator: "=").last)
            #expect(
                try await console.count(
                    "SELECT count(*) FROM console_session WHERE token_hash = $1",
                    .bytes(SecureToken.hash(String(token)))) == 1)

            let client = try await console.browser(.viewer)
            #expect(try await client.get("/console").status == 200)
            #expect(try await client.submit("/logout", [:]).header("location") == "/login")
            #expect(try await client.get("/console").header("location") == "/login?next=%2Fconsole")
        }
    }

    @Test(
        "A login leads to a page of the console and never elsewhere",
        arguments: [
            "https://evil.example", "//evil.example", "/\\evil.example", "/console//evil.example",
            "javascript:alert(1)",
            "/console/\r\nset-cookie: a=b",
        ])
    func openRedirect(next: String) async throws {
        try await TestConsole.with { console in
            let email = try await console.addUser(.viewer)
            let reply = try await TestClient(port: console.port).submit(
                "/login", ["email": email, "password": TestConsole.password, "next": next])
            #expect(reply.header("location") == "/console")
        }
    }

    @Test("Five wrong passwords in a quarter of an hour close the door for that address, also to the right one")
    func throttling() async throws {
        try await TestConsole.with { console in
            let email = try await console.addUser(.viewer)
            let client = TestClient(port: console.port)
            for _ in 0..<5 {
                #expect(try await client.submit("/login", ["email": email, "password": "wrong"]).status == 401)
            }
            let right = ["email": email, "password": TestConsole.password]
            let refused = try await client.submit("/login", right)
            #expect(refused.status == 429)
            #expect(refused.header("retry-after") == "900")
            console.clock.advance(seconds: 901)
            #expect(try await client.submit("/login", right).status == 303)
        }
    }

    @Test("An unknown and a disabled user are refused in the words of a wrong password")
    func unknownUser() async throws {
        try await TestConsole.with { console in
            let email = try await console.addUser(.viewer)
            let client = TestClient(port: console.port)
            let wrong = try await client.submit("/login", ["email": email, "password": "wrong"])
            let unknown = try await client.submit("/login", ["email": "x@example.test", "password": "wrong"])
            #expect(wrong.body.replacing(email, with: "") == unknown.body.replacing("x@example.test", with: ""))
            try await console.run("UPDATE console_user SET disabled = true")
            let disabled = try await client.submit("/login", ["email": email, "password": TestConsole.password])
            #expect(disabled.status == 401)
        }
    }

    @Test("A session ends twelve hours after its login, and at once when its user is disabled")
    func sessionEnd() async throws {
        try await TestConsole.with { console in
            let client = try await console.browser(.viewer)
            console.clock.advance(seconds: 12 * 3_600 - 1)
            #expect(try await client.get("/topics").status == 200)
            console.clock.advance(seconds: 1)
            #expect(try await client.get("/topics").status == 401)

            let other = try await console.browser(.manager)
            try await console.run("UPDATE console_user SET disabled = true WHERE role = 'manager'")
            #expect(try await other.get("/topics").status == 401)
        }
    }

    @Test("Every role enters exactly the routes that its permissions open", arguments: Role.allCases)
    func rolesAndRoutes(role: Role) async throws {
        try await TestConsole.with { console in
            let client = try await console.browser(role, affiliateID: role == .affiliate ? "aff-1" : nil)
            for route in console.app.routes where route.kind != .open && !["/events", "/logout"].contains(route.path) {
                let path = route.path.replacing("{id}", with: "0f8fad5b-d9cb-469f-a165-70867728950e")
                let reply =
                    switch route.kind {
                    case .form: try await client.submit(path, ["reason": "test"])
                    case .page, .open: try await client.get(path)
                    case .api where route.method == .post: try await client.post(path, json: "{}", key: "key")
                    case .api where route.method == .put: try await client.put(path, json: "{}", key: "key")
                    case .api where route.method == .patch:
                        try await client.patch(path, json: "{}", match: "*", key: "key")
                    case .api: try await client.get(path)
                    }
                let mayEnter = route.permission.map { role.permissions.contains($0) } ?? true
                #expect((reply.status != 403) == mayEnter, "\(role) \(route.method) \(path): \(reply.status)")
                #expect(reply.status < 500, "\(role) \(route.method) \(path): \(reply.body)")
            }
        }
    }

    @Test("Without a session or key the API says 401 and a page leads to the login")
    func anonymous() async throws {
        try await TestConsole.with { console in
            let client = TestClient(port: console.port)
            for route in console.app.routes where route.kind != .open {
                let path = route.path.replacing("{id}", with: "0f8fad5b-d9cb-469f-a165-70867728950e")
                let reply = try await client.send(route.method.rawValue, path)
                switch route.kind {
                case .api:
                    #expect(reply.status == 401, "\(path)")
                    #expect(reply.header("content-type") == "application/problem+json")
                    #expect(reply.json?["code"]?.string == "unauthorized")
                case .page, .form:
                    #expect(reply.status == 303, "\(path)")
                    #expect(reply.header("location")?.hasPrefix("/login") == true)
                case .open: break
                }
            }
        }
    }

    @Test("A write without the session's token is refused, by form and by API, and changes nothing")
    func forgery() async throws {
        try await TestConsole.with { console in
            var client = try await console.browser(.owner)
            #expect(try await client.submit("/console/payouts/plan", ["csrf_token": "wrong"]).status == 403)
            client.csrfToken = nil
            #expect(try await client.submit("/console/payouts/plan", [:]).status == 403)
            let reply = try await client.post("/process-payments", json: "{}", key: "key")
            #expect(reply.status == 403)
            #expect(reply.json?["code"]?.string == "csrf_refused")
            #expect(try await console.count("SELECT count(*) FROM idempotent_answer") == 0)
        }
    }

    @Test("A form that another site sends is refused, the login's too", arguments: ["cross-site", "same-site"])
    func crossSite(site: String) async throws {
        try await TestConsole.with { console in
            let client = try await console.browser(.owner)
            let headers = ["sec-fetch-site": site]
            #expect(try await client.submit("/console/payouts/plan", [:], headers: headers).status == 403)
            let fields = ["email": "owner@example.test", "password": TestConsole.password]
            #expect(
                try await TestClient(port: console.port).submit("/login", fields, headers: headers).status == 403)
        }
    }

    @Test("A key opens what its scopes say, never the decision about a payout, and nothing when revoked")
    func keys() async throws {
        try await TestConsole.with { console in
            let client = try await console.program(scopes: [.readFleet, .decidePayouts])
            #expect(try await client.get("/topics").status == 200)
            #expect(try await client.get("/payouts").status == 403)
            let path = "/payouts/0f8fad5b-d9cb-469f-a165-70867728950e/approve"
            #expect(try await client.post(path, json: "{}").status == 403)
            #expect(try await client.get("/console/topics").status == 401)
            try await console.run("UPDATE api_key SET revoked_at = now()")
            #expect(try await client.get("/topics").status == 401)
            #expect(try await TestClient(port: console.port, authorization: "Bearer x").get("/topics").status == 401)
        }
    }

    @Test("An affiliate sees its own payouts and nobody else's")
    func affiliateScope() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.affiliate, affiliateID: "aff-2")
            let all = try await client.get("/payouts").json?["data"]?.array ?? []
            #expect(all.map { $0["affiliate_id"]?.string } == ["aff-2"])
            #expect(try await client.get("/payouts?affiliate_id=aff-3").status == 403)
            #expect(try await client.get("/payment-status?affiliate_id=aff-3").status == 403)
            let foreign = Identifier(hashing: "payout", "2026-W43", "aff-5", "USD")
            #expect(try await client.get("/payment-status?payout_id=\(foreign)").status == 404)
            #expect(try await client.get("/console/payouts/\(foreign)").status == 404)
            #expect(try await client.get("/console").header("location") == "/console/payouts")
        }
    }
}
