import Domain
import Events
import Foundation
import Outbox
import Postgres
import Storage
import Testing

@testable import ConsoleApp

/// What a payout did not pay is paid by a new one, which is planned as any other.
@Suite struct PayoutRetryTests {
    @Test("A planning of one affiliate leaves the others alone, and refuses a body that it does not understand")
    func oneAffiliate() async throws {
        try await TestConsole.with { console in
            for affiliateID in ["a", "b"] { try await earn(affiliateID, 5_000, console) }
            try await earn("a", 7_000, currency: "EUR", console)
            let client = try await console.browser(.finance)
            for (body, status, code, value) in [
                ("nonsense", 400, "body_not_object", nil), ("[]", 400, "body_not_object", nil),
                (#"{"affiliate": "a"}"#, 400, "field_unknown", "affiliate"),
                (#"{"affiliate_id": null}"#, 400, "invalid_affiliate_id", "null"),
                (#"{"affiliate_id": 7}"#, 400, "invalid_affiliate_id", "7"),
                (#"{"affiliate_id": "nobody"}"#, 404, "not_found", "nobody"),
            ] as [(String, Int, String, String?)] {
                let reply = try await client.post("/process-payments", json: body, key: body)
                #expect(reply.status == status, "\(body)")
                #expect(reply.json?["code"]?.string == code, "\(body)")
                #expect(reply.json?["value"]?.string == value, "\(body)")
            }
            let one = try await client.post("/process-payments", json: #"{"affiliate_id": "a"}"#, key: "one")
            #expect(one.status == 201)
            let made = one.json?["payouts"]?.array ?? []
            #expect(Set(made.map { $0["affiliate_id"]?.string }) == ["a"])
            #expect(Set(made.map { $0["currency"]?.string }) == ["EUR", "USD"])
            let other = try await client.post("/process-payments", json: #"{"affiliate_id": "b"}"#, key: "one")
            #expect(other.json?["code"]?.string == "idempotency_key_reused")
            #expect(
                try await console.text("SELECT detail ->> 'affiliate_id' FROM audit_log WHERE action = 'plan payouts'")
                    == "a")
            let everybody = try await client.post("/process-payments", json: "", key: "all")
            #expect(everybody.json?["payouts"]?.array?.map { $0["affiliate_id"]?.string } == ["b"])
        }
    }

    @Test("Only a payout that ended without its money is paid again, by the limits of any planning")
    func states() async throws {
        // After a failure a person is asked; what people took back goes by itself within the limits.
        let again: [PayoutState: PayoutState] = [
            .failed: .awaitingApproval, .returned: .awaitingApproval, .rejected: .reserved, .canceled: .reserved,
        ]
        try await TestConsole.with { console in
            for state in PayoutState.allCases { try await earn(state.rawValue, 5_000, console) }
            let states = Dictionary(uniqueKeysWithValues: PayoutState.allCases.map { ($0.rawValue, $0) })
            let payouts = try await end(states, console)
            let client = try await console.browser(.finance)
            for state in PayoutState.allCases {
                let old = try #require(payouts[state.rawValue])
                let reply = try await client.post("/payouts/\(old)/retry", json: "{}", key: state.rawValue)
                guard let expected = again[state] else {
                    #expect(reply.status == 409, "\(state)")
                    #expect(reply.json?["code"]?.string == "payout_not_ended", "\(state)")
                    #expect(reply.json?["value"]?.string == state.rawValue)
                    continue
                }
                #expect(reply.status == 201, "\(state): \(reply.body)")
                #expect(reply.json?["state"]?.string == expected.rawValue, "\(state)")
                #expect(reply.json?["amount_minor"]?.integer == 5_000)
                #expect(reply.json?["payout_id"]?.string != old.description)
                let stays = try await client.get("/payment-status?payout_id=\(old)").json?["data"]?.array?.first
                #expect(stays?["payout"]?["state"]?.string == state.rawValue)
            }
            #expect(try await console.count("SELECT count(*) FROM audit_log WHERE action = 'pay again'") == 4)
            let id = try #require(payouts["failed"])
            #expect(try await client.post("/payouts/\(id)/retry", json: "{}").status == 400, "it needs a key")
            let nobody = try await client.post("/payouts/\(Identifier(1))/retry", json: "{}", key: "k")
            #expect(nobody.status == 404)
            let viewer = try await console.browser(.viewer)
            #expect(try await viewer.post("/payouts/\(id)/retry", json: "{}", key: "k").status == 403)
        }
    }

    static let obstacles: [(affiliate: String, code: String, value: String, sentence: String)] = [
        ("blocked", "payout_withheld", "affiliate_active", "The affiliate is blocked."),
        ("homeless", "payout_withheld", "payout_method", "There is no payout method."),
        ("cooling", "payout_withheld", "method_cooling", "The method was changed and waits until 2026-10-27."),
        ("closed", "payout_withheld", "destination_block", "The account took no money: account_closed."),
        ("unproven", "payout_withheld", "kyc_status, tax_status", "Identity check: pending. Tax form: missing."),
        ("suspect", "payout_withheld", "fraud_hold", "The fraud desk holds it."),
        ("frozen", "payout_withheld", "freeze", "Payouts are frozen (affiliate)."),
        ("small", "below_minimum", "50.00 USD", "below the smallest payout of 60.00 USD."),
        ("empty", "nothing_payable", "-10.00 USD", "Nothing is payable to the affiliate in this currency."),
    ]

    @Test("What cannot be paid again is refused with the reasons, which the page says too, and paid once they are gone")
    func obstacles() async throws {
        try await TestConsole.with { console in
            for obstacle in Self.obstacles {
                try await earn(obstacle.affiliate, 5_000, program: obstacle.affiliate, console)
            }
            let failed = Dictionary(uniqueKeysWithValues: Self.obstacles.map { ($0.affiliate, PayoutState.failed) })
            let payouts = try await end(failed, console)
            try await obstruct(console)
            let client = try await console.browser(.finance)
            for obstacle in Self.obstacles {
                let path = "/payouts/\(try #require(payouts[obstacle.affiliate]))"
                let reply = try await client.post(path + "/retry", json: "{}", key: obstacle.affiliate)
                #expect(reply.status == 409, "\(obstacle.affiliate)")
                #expect(reply.json?["code"]?.string == obstacle.code, "\(obstacle.affiliate)")
                #expect(reply.json?["value"]?.string == obstacle.value, "\(obstacle.affiliate)")
                let detail = reply.json?["detail"]?.string ?? ""
                #expect(detail.contains(obstacle.sentence), "\(detail)")
                let same = try await client.post(path + "/retry", json: "{}", key: obstacle.affiliate)
                #expect(same.body == reply.body)
                guard obstacle.code == "payout_withheld" else { continue }
                let sent = try await client.submit(
                    "/console" + path + "/retry", ["idempotency_key": "form " + obstacle.affiliate])
                #expect(sent.header("location") == "/console\(path)?notice=withheld")
                let page = try await client.get("/console\(path)?notice=withheld").body
                #expect(page.contains("The last planning withheld what is payable. \(obstacle.sentence)</p>"))
            }
            #expect(try await console.count("SELECT count(*) FROM audit_log WHERE action = 'pay again'") == 0)
            try await console.run("UPDATE affiliate SET payout_block = NULL WHERE affiliate_id = 'closed'")
            let mended = try #require(payouts["closed"])
            #expect(try await client.post("/payouts/\(mended)/retry", json: "{}", key: "new").status == 201)
        }
    }

    @Test("However often and under however many keys it is asked for, the money goes once")
    func once() async throws {
        try await TestConsole.with { console in
            try await earn("a", 5_000, console)
            let old = try #require(try await end(["a": .failed], console)["a"])
            try await earn("a", 7_000, currency: "EUR", console)
            try await earn("b", 5_000, console)
            let client = try await console.browser(.finance)
            let replies = try await withThrowingTaskGroup(of: TestReply.self) { group in
                for key in ["k1", "k2", "k1", "k2"] {
                    group.addTask { try await client.post("/payouts/\(old)/retry", json: "{}", key: key) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(replies.map(\.status).sorted() == [201, 201, 409, 409])
            #expect(Set(replies.map(\.body)).count == 2, "one answer for each key")
            let refused = replies.first { $0.status == 409 }
            #expect(refused?.json?["code"]?.string == "nothing_payable")
            let made = try #require(replies.first { $0.status == 201 })
            let schemas = try OpenAPITests.document().components.schemas
            #expect(
                OpenAPITests.differences(
                    try JSONSerialization.jsonObject(with: Data(made.body.utf8)),
                    try #require(schemas["PlannedPayout"]), schemas, at: "PlannedPayout") == [])
            #expect(
                try await console.text(
                    """
                    SELECT string_agg(affiliate_id || ' ' || currency || ' ' || payable || ' ' || reserved, ', '
                        ORDER BY affiliate_id, currency) FROM affiliate_balance
                    """) == "a EUR 7000 0, a USD 0 5000, b USD 5000 0")
        }
    }

    @Test("The page offers it where something is payable, and leads to the new payout, which names the old one")
    func page() async throws {
        try await TestConsole.with { console in
            try await earn("a", 123_456, console)
            let old = try #require(try await end(["a": .returned], console)["a"])
            let client = try await console.browser(.finance)
            let page = try await client.get("/console/payouts/\(old)").body
            #expect(page.contains("all that is payable now, 1,234.56 USD, by the checks"))
            let form = #/action="/console/payouts/[^"]+/retry">\s.*csrf.*\s.*name="idempotency_key" value="([^"]+)"/#
            let key = String(try #require(page.firstMatch(of: form)).1)
            let viewer = try await console.browser(.viewer)
            #expect(try await !viewer.get("/console/payouts/\(old)").body.contains("Pay again"))

            let first = try await client.submit("/console/payouts/\(old)/retry", ["idempotency_key": key])
            let made = try await console.text("SELECT payout_id::text FROM payout WHERE state = 'awaiting_approval'")
            #expect(first.header("location") == "/console/payouts/\(made)?notice=planned-again")
            let second = try await client.submit("/console/payouts/\(old)/retry", ["idempotency_key": key])
            #expect(second.header("location") == first.header("location"))
            let new = try await client.get("/console/payouts/\(made)").body
            #expect(new.contains("<dt>Pays again</dt><dd><a class=\"code\" href=\"/console/payouts/\(old)\">"))
            #expect(try await !client.get("/console/payouts/\(old)").body.contains("Pay again"))
            let late = try await client.submit("/console/payouts/\(old)/retry", ["idempotency_key": "late"])
            #expect(late.header("location") == "/console/payouts/\(old)?notice=nothing-payable")
        }
    }
}

extension PayoutRetryTests {
    /// Lets an affiliate earn what is payable at once.
    private func earn(
        _ affiliateID: String, _ amountMinor: Int64, currency code: String = "USD", program: String = "p",
        _ console: TestConsole
    ) async throws {
        let (now, currency) = (console.clock.now, try #require(Currency(code: code)))
        let conversionID = Identifier(hashing: "conversion", affiliateID, code)
        let earned = LedgerTransaction(
            key: "commission:\(conversionID)", kind: "commission", inputHash: conversionID,
            postings: [
                Posting(
                    affiliateID: affiliateID, currency: currency, debit: .commissionExpense, credit: .payable,
                    amountMinor: amountMinor)
            ])
        try await console.pool.transaction { t throws(PostgresError) in
            try t.run(
                "INSERT INTO program (program_id, name, currency) VALUES ($1, $1, 'USD') ON CONFLICT DO NOTHING",
                .text(program))
            try t.run(
                """
                INSERT INTO affiliate (affiliate_id, name, payout_provider, provider_account)
                VALUES ($1, $1, 'circle', 'address of ' || $1) ON CONFLICT DO NOTHING
                """, .text(affiliateID))
            try LedgerStore.append([earned], in: t, at: now)
            try t.run(
                """
                INSERT INTO commission (commission_id, conversion_id, affiliate_id, program_id, currency, basis_points,
                    base_minor, amount_minor, status, hold_until, transaction_id, recorded_at)
                VALUES ($1, $1, $2, $3, $4, 1000, $5, $5, 'approved', $6, $7, $6)
                """, .uuid(conversionID.value), .text(affiliateID), .text(program), .text(code), .int8(amountMinor),
                .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch), .uuid(earned.transactionID.value))
        }
    }

    /// Plans what is payable, and moves the payout of each affiliate to a state, as payer and reconciler would.
    private func end(_ states: [String: PayoutState], _ console: TestConsole) async throws -> [String: Identifier] {
        let (now, lane) = (console.clock.now, Lane(emitter: "payout-planner"))
        try await console.run("UPDATE program SET auto_approve_limit_minor = 0")
        let payouts = try await console.pool.transaction { t throws(PostgresError) in
            let planned = try PayoutStore.plan(
                batchKey: "test", at: now, submittedBy: "planner", lane: lane, in: t
            ).map(\.payout)
            for payout in planned {
                let way = PayoutRetryTests.way(to: states[payout.affiliateID] ?? .awaitingApproval)
                if way.first == .reserved {
                    _ = try PayoutStore.approve([payout.payoutID], by: "owner", lane: lane, at: now, in: t)
                }
                if way.contains(.submitting) {
                    try PayoutAttemptStore.insert(
                        [SeededData.attempt(payout, .payout, 1, payout.amount)], sendAt: now, at: now, in: t)
                }
                for next in way.filter({ $0 != .reserved }) {
                    let known = try PayoutStore.lock([payout.payoutID], in: t)
                    try PayoutStore.move(
                        known.map { PayoutMove($0, to: next, evidence: "test") }, actor: "test", at: now, in: t)
                }
            }
            return planned
        }
        try await console.run("UPDATE program SET auto_approve_limit_minor = 50000")
        return Dictionary(uniqueKeysWithValues: payouts.map { ($0.affiliateID, $0.payoutID) })
    }

    /// A way of a payout that waits for approval to a state; by people's hands rather than by an attempt.
    private static func way(to state: PayoutState) -> [PayoutState] {
        var ways: [PayoutState: [PayoutState]] = [.awaitingApproval: []]
        while ways[state] == nil {
            for from in PayoutState.allCases.reversed() {
                guard let way = ways[from] else { continue }
                for next in from.successors where ways[next] == nil { ways[next] = way + [next] }
            }
        }
        return ways[state] ?? []
    }

    /// Puts before each affiliate what it is named after.
    private func obstruct(_ console: TestConsole) async throws {
        let now = PostgresValue.timestamp(microsecondsSinceEpoch: console.clock.now.microsecondsSinceEpoch)
        try await console.run(
            """
            UPDATE affiliate SET
                status = CASE affiliate_id WHEN 'blocked' THEN 'blocked' ELSE status END,
                provider_account = CASE affiliate_id WHEN 'homeless' THEN '' ELSE provider_account END,
                payout_block = CASE affiliate_id WHEN 'closed' THEN 'account_closed' END,
                payout_method_usable_at = CASE affiliate_id WHEN 'cooling' THEN $1::timestamptz + interval '1 day' END,
                kyc_status = CASE affiliate_id WHEN 'unproven' THEN 'pending' ELSE kyc_status END,
                tax_status = CASE affiliate_id WHEN 'unproven' THEN 'missing' ELSE tax_status END,
                fraud_verdict = CASE affiliate_id WHEN 'suspect' THEN 'hold' ELSE fraud_verdict END
            """, now)
        try await console.run(
            """
            INSERT INTO payout_freeze (scope, subject, reason, frozen_by, frozen_at)
            VALUES ('affiliate', 'frozen', 'test', 'test', $1)
            """, now)
        try await console.run("UPDATE program SET minimum_payout_minor = 6000 WHERE program_id = 'small'")
        try await console.run("UPDATE affiliate_balance SET clawback = 6000 WHERE affiliate_id = 'empty'")
    }
}
