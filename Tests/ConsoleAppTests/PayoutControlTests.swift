import DevKit
import Domain
import Events
import Foundation
import Outbox
import Postgres
import Storage
import Testing

@testable import ConsoleApp

/// What people do about payouts that neither go nor come by themselves.
@Suite(.serialized) struct PayoutControlTests {
    @Test("Many payouts are decided about at once, and one that is refused does not stand before the others")
    func bulk() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.finance)
            let waiting = try await client.get("/payouts?state=awaiting_approval").json?["data"]?.array ?? []
            let ids = waiting.compactMap { $0["payout_id"]?.string }
            let paid = try await client.get("/payouts?state=paid").json?["data"]?.array?.first?["payout_id"]?.string
            #expect(ids.count >= 2)
            let list = (ids + [paid ?? ""]).map { "\"\($0)\"" }.joined(separator: ",")
            let reply = try await client.post("/payouts/approve", json: "{\"payout_ids\": [\(list)]}", key: "k1")
            #expect(reply.json?["decided"]?.integer == Int64(ids.count))
            let refused = reply.json?["data"]?.array?.filter { $0["refusal"] != nil } ?? []
            #expect(refused.map { $0["refusal"]?.string } == ["payout_not_waiting"])
            #expect(
                try await console.count("SELECT count(*) FROM audit_log WHERE action = 'approve payout'")
                    == Int64(ids.count))
            for body in ["{}", "{\"payout_ids\": []}", "{\"payout_ids\": [\"x\"]}"] {
                let reply = try await client.post("/payouts/approve", json: body, key: nil)
                #expect(reply.json?["code"]?.string == "payout_ids_invalid", "\(body)")
            }
        }
    }

    @Test("Above the second limit the first approval is kept and the second one sends it")
    func secondApproval() async throws {
        try await TestConsole.with { console in
            try await console.run("ALTER TABLE program ALTER second_approval_limit_minor SET DEFAULT 60000")
            try await SeededData.insert(into: console)
            let one = try await console.browser(.finance, email: "one@example.test")
            let two = try await console.browser(.owner, email: "two@example.test")
            let id = try await console.text("SELECT min(payout_id::text) FROM payout WHERE needs_second")
            let first = try await one.post("/payouts/\(id)/approve", json: "{}", key: nil)
            #expect(first.json?["state"]?.string == "awaiting_approval")
            let again = try await one.post("/payouts/\(id)/approve", json: "{}", key: nil)
            #expect(again.json?["code"]?.string == "approver_is_submitter")
            let second = try await two.post("/payouts/\(id)/approve", json: "{}", key: nil)
            #expect(second.json?["state"]?.string == "reserved")
            #expect(second.json?["second_approved_by"]?.string?.contains("two@") == true)
        }
    }

    @Test("A freeze is set and lifted with its reason, and needs somebody who may decide")
    func freezes() async throws {
        try await TestConsole.with { console in
            let client = try await console.browser(.finance)
            let body = #"{"scope": "provider", "subject": "stripe", "reason": "Its status page is red."}"#
            let frozen = try await client.post("/payout-freezes", json: body, key: nil)
            #expect(frozen.json?["data"]?.array?.first?["subject"]?.string == "stripe")
            #expect(try await client.post("/payout-freezes/1/lift", json: "{}", key: nil).json?["data"]?.array == [])
            #expect(try await client.post("/payout-freezes/1/lift", json: "{}", key: nil).status == 404)
            for wrong in [#"{"scope": "all", "subject": "x", "reason": "r"}"#, #"{"scope": "week", "reason": "r"}"#] {
                let reply = try await client.post("/payout-freezes", json: wrong, key: nil)
                #expect(reply.json?["code"]?.string == "scope_invalid", "\(wrong)")
            }
            let viewer = try await console.browser(.viewer, email: "v@example.test")
            #expect(try await viewer.post("/payout-freezes", json: body, key: nil).status == 403)
        }
    }

    @Test("Checks of an affiliate are recorded with their reason, by who may set limits")
    func checks() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let client = try await console.browser(.finance)
            let affiliate = try await console.text("SELECT min(affiliate_id) FROM affiliate")
            let path = "/affiliates/\(affiliate)/checks"
            let body = #"{"kyc_status": "failed", "reason": "The passport was somebody else's."}"#
            let failed = try await client.put(path, json: body, key: "k1")
            #expect(failed.json?["kyc_status"]?.string == "failed")
            #expect(failed.json?["tax_status"]?.string == "not_required")
            #expect(
                try await console.text("SELECT detail ->> 'reason' FROM audit_log WHERE action = 'check affiliate'")
                    == "The passport was somebody else's.")
            let wrong = try await client.put(path, json: #"{"kyc_status": "x", "reason": "r"}"#, key: "k2")
            #expect(wrong.status == 400)
            #expect(try await client.put(path, json: #"{"tax_status": "valid"}"#, key: "k3").status == 400)
            let unknown = try await client.put("/affiliates/nobody/checks", json: body, key: "k4")
            #expect(unknown.status == 404)
            let manager = try await console.browser(.manager, email: "m@example.test")
            #expect(try await manager.put(path, json: body, key: "k5").status == 403)
        }
    }

    @Test("Payouts that people pay outside come as a file, and are paid when two of them say so")
    func byHand() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let (one, two) = (
                try await console.browser(.finance, email: "one@example.test"),
                try await console.browser(.owner, email: "two@example.test")
            )
            let empty = try await one.post("/manual-batches", json: "{}", key: "none")
            #expect(empty.json?["data"]?.array?.isEmpty == true)
            let payoutID = try await PayoutControlTests.planByHand(console)

            let made = try await one.post("/manual-batches", json: "{}", key: "k1")
            #expect(made.status == 201)
            #expect(made.json?["data"]?.array?.first?["open"]?.integer == 1)
            let again = try await one.post("/manual-batches", json: "{}", key: "k2")
            #expect(again.json?["data"]?.array?.isEmpty == true, "a payout is in one file only")
            let file = try await one.get("/manual-batches/1/file")
            #expect(file.header("content-type") == "text/csv; charset=utf-8")
            #expect(
                file.body.split(separator: "\n").map(String.init) == [
                    "payout_id,affiliate_id,name,account,amount,currency,reference",
                    "\(payoutID),by-hand,'=Hand,IBAN DE00,123.45,USD,TRIBUTARY \(payoutID.prefix(8).uppercased())",
                ])

            let word = #"{"reference": "SEPA-77"}"#
            #expect(try await one.post("/manual-batches/1/confirm", json: "{}", key: "k3").status == 409)
            #expect(try await one.post("/manual-batches/1/paid", json: "{}", key: "k4").status == 400)
            #expect(try await one.post("/manual-batches/1/paid", json: word, key: "k5").status == 200)
            let alone = try await one.post("/manual-batches/1/confirm", json: "{}", key: "k6")
            #expect(alone.json?["code"]?.string == "same_person")
            let page = try await two.get("/console/manual-batches").body
            #expect(page.contains("SEPA-77"))
            #expect(try await two.submit("/console/manual-batches/1/confirm", [:]).status == 303)
            #expect(
                try await console.text(
                    """
                    SELECT string_agg(to_state || ' ' || evidence, ', ' ORDER BY payout_event_id) FROM payout_event
                    WHERE to_state IN ('submitted', 'paid') AND payout_id = (
                        SELECT payout_id FROM payout WHERE affiliate_id = 'by-hand')
                    """) == "submitted SEPA-77, paid SEPA-77")
            #expect(
                try await console.text(
                    "SELECT debit || ' ' || credit FROM ledger_posting WHERE credit = 'asset:bank:operating'")
                    == "liab:affiliate:reserved asset:bank:operating")
            #expect(try await two.post("/manual-batches/9/paid", json: word, key: "k7").status == 404)
            try await PayoutControlTests.takeBack(payoutID, one, two)
        }
    }

    /// One person says that a payout came back, on its page; another agrees.
    static func takeBack(_ payoutID: String, _ one: TestClient, _ two: TestClient) async throws {
        let page = "/console/payouts/\(payoutID)"
        #expect(try await one.get(page).body.contains("Say that it came back"))
        let form = ["verdict": "returned", "provider_object_id": "SEPA-R-9", "evidence": "The account is closed."]
        #expect(try await one.submit(page + "/resolve", form).header("location") == page + "?notice=proposed")
        #expect(try await one.submit(page + "/confirm", [:]).header("location") == page + "?notice=same-person")
        #expect(try await two.get(page).body.contains("It came back as SEPA-R-9. The account is closed."))
        let agreed = try await two.post("/payouts/\(payoutID)/confirm", json: "{}", key: nil)
        #expect(agreed.json?["state"]?.string == "returned")
        let again = try await one.submit(page + "/resolve", form)
        #expect(again.header("location") == page + "?notice=refused")
    }

    @Test("A break about money is resolved by two people")
    func breaks() async throws {
        try await TestConsole.with { console in
            try await console.run(
                """
                INSERT INTO reconciliation_break (kind, severity, object_id, detail)
                VALUES ('duplicate_at_provider', 'money', 'po_2', 'our object is po_1')
                """)
            let one = try await console.browser(.finance, email: "one@example.test")
            let two = try await console.browser(.owner, email: "two@example.test")
            let path = "/reconciliation-breaks/1/resolve"
            let words = #"{"resolution": "Reversed at the provider."}"#
            #expect(try await one.post(path, json: words, key: nil).json?["status"]?.string == "proposed")
            #expect(try await one.post(path, json: words, key: nil).json?["code"]?.string == "same_person")
            #expect(try await two.post(path, json: words, key: nil).json?["status"]?.string == "resolved")
            let rows = try await one.get("/reconciliation-breaks?status=resolved").json?["data"]?.array
            #expect(rows?.first?["proposed_by"]?.string?.contains("one@") == true)
        }
    }

    @Test("An unknown payout says what was tried and answered, and offers nothing that could pay it again")
    func unknown() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let (unknown, manual) = try await PayoutControlTests.loseReplies(console)
            let email = try await console.addUser(.owner)
            try await Browser.with { browser in
                let pages = PageTests()
                try await pages.logIn(browser, console, email)
                for (name, id) in [("payout-unknown", unknown), ("payout-manual", manual)] {
                    for width in [1_280, 390] {
                        try await browser.resize(width: width, height: 900, isDark: false)
                        try await browser.open("http://127.0.0.1:\(console.port)/console/payouts/\(id)")
                        let overflow: Int = try await browser.value(
                            "document.documentElement.scrollWidth - document.documentElement.clientWidth")
                        #expect(overflow <= 0, "\(name) at \(width)")
                        try await pages.keep(browser, "\(name)-\(width)")
                    }
                    let unnamed: [String] = try await browser.value(PageTests.unnamedElements)
                    #expect(unnamed == [])
                }
                try await browser.open("http://127.0.0.1:\(console.port)/console/payouts/\(unknown)")
                let text = try await browser.text("main")
                #expect(text.contains("Nobody knows yet whether the money moved"))
                #expect(text.contains("HTTP 500"))
                #expect(text.contains("payout:\(unknown):a1:tr"))
                let actions: [String] = try await browser.value(
                    "[...document.querySelectorAll('main form')].map(form => form.getAttribute('action'))")
                #expect(actions == ["/console/payouts/\(unknown)/check"])
            }
        }
    }

    /// Plans and approves a payout that no provider sends, and lets the payer hand it over.
    static func planByHand(_ console: TestConsole) async throws -> String {
        let now = console.clock.now
        let currency = try #require(Currency(code: "USD"))
        return try await console.pool.transaction { t throws(PostgresError) in
            try t.run(
                """
                INSERT INTO affiliate (affiliate_id, name, provider_account, payout_provider)
                VALUES ('by-hand', '=Hand', 'IBAN DE00', 'manual')
                """)
            try LedgerStore.append(
                [
                    LedgerTransaction(
                        key: "by hand", kind: "commission", inputHash: Identifier(hashing: "by hand"),
                        postings: [
                            Posting(
                                affiliateID: "by-hand", currency: currency, debit: .commissionExpense,
                                credit: .payable, amountMinor: 12_345)
                        ])
                ], in: t, at: now)
            let lane = Lane(emitter: "payout-planner")
            let payoutID = try PayoutStore.plan(
                batchKey: "by hand", at: now, submittedBy: "planner", lane: lane, in: t
            ).map(\.payout).first { $0.affiliateID == "by-hand" }?.payoutID
            let payoutIDs = [payoutID].compactMap { $0 }
            _ = try PayoutStore.approve(payoutIDs, by: "somebody", lane: lane, at: now, in: t)
            let reserved = try PayoutStore.lock(payoutIDs, in: t)
            try PayoutStore.move(
                reserved.map { PayoutMove($0, to: .manual, evidence: "no provider sends it") }, actor: "payer", at: now,
                in: t)
            return payoutIDs.first?.description ?? ""
        }
    }

    /// Lets the provider answer the first step of two payouts with a 500, and the key of the second one expire.
    static func loseReplies(_ console: TestConsole) async throws -> (unknown: String, manual: String) {
        let now = console.clock.now
        let ids = try await console.pool.transaction { t throws(PostgresError) in
            let reserved = try t.query(
                """
                SELECT payout_id FROM payout p WHERE state = 'reserved' AND NOT EXISTS (
                    SELECT FROM payout_attempt a WHERE a.payout_id = p.payout_id) ORDER BY payout_id LIMIT 2
                """
            ) { row in Identifier(try row.uuid(0)) }
            let payouts = try PayoutStore.lock(reserved, in: t)
            for (payout, daysAgo) in zip(payouts, [0, Int32(3)]) {
                let then = now.adding(days: -daysAgo)
                try PayoutAttemptStore.insert(
                    [SeededData.attempt(payout, .transfer, 1, payout.amount)], sendAt: then, at: then, in: t)
                let claimed = try PayoutAttemptStore.claim(
                    provider: "stripe", schedule: .stripe, maximum: 1, at: then, in: t)
                for claim in claimed {
                    let answer = ProviderAnswer(status: 500, errorType: "api_error", requestID: "req_\(daysAgo)")
                    _ = try PayoutAttemptStore.record(
                        ProviderOutcome(.answer(answer), isFirstSend: true), of: claim, answer: answer,
                        schedule: .stripe, at: then, makeAttempt: SeededData.attempt, in: t)
                }
            }
            _ = try PayoutAttemptStore.sweep(at: now, in: t)
            return payouts.map(\.payoutID.description)
        }
        return (try #require(ids.first), try #require(ids.last))
    }
}
