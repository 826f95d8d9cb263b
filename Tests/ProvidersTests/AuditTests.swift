import DevKit
import Domain
import Postgres
import Providers
import Storage
import Testing
import WorkerRuntime

@Suite("Comparing everything with everything", .timeLimit(.minutes(5))) struct AuditTests {
    private static let open: Statement =
        "SELECT kind || ' ' || affiliate_id FROM reconciliation_break WHERE resolved_at IS NULL ORDER BY 1"

    @Test("Books that agree make no break, whatever was paid, failed or came back")
    func agreement() async throws {
        try await PaymentRig.with { rig in
            let paid = try await rig.request()
            let failed = try await rig.request("b", account: "acct_b_no_account", batch: "b")
            let returned = try await rig.request("c", account: "acct_c_returned", batch: "c")
            try await rig.work(until: .paid, of: paid)
            try await rig.work(until: .failed, of: failed)
            // Its paid state may pass unseen: then it failed.
            try await rig.work(until: "the third to come back") {
                [.returned, .failed].contains(try await rig.state(of: returned))
            }
            let round = try await rig.audit()
            #expect(round.accounts == 3)
            #expect(round.transfers == 3)
            #expect(try await rig.texts(AuditTests.open) == [])
        }
    }

    @Test("Without webhooks an orphan is found in the provider's list, and so is the balance that it left")
    func orphan() async throws {
        try await PaymentRig.with(webhooks: .missing, pollSeconds: 2) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .paid, of: payoutID)
            #expect(try await rig.fake.transferByHand(to: "acct_a") == 200)
            _ = try await rig.audit()
            #expect(try await rig.texts(AuditTests.open) == ["balance_mismatch a", "missing_in_ledger a"])
            #expect(try await rig.texts("SELECT subject FROM payout_freeze") == ["a"])
            _ = try await rig.audit()
            #expect(try await rig.texts("SELECT count(*)::text FROM reconciliation_break") == ["2"])
        }
    }

    @Test("However many accounts there are, each is compared in turn")
    func inTurn() async throws {
        try await PaymentRig.with { rig in
            let names = ["a", "b", "c", "d", "e"]
            for name in names { try await rig.request(name, account: "acct_\(name)", batch: name) }
            try await rig.work(until: "all to be paid") {
                try await rig.texts("SELECT state FROM payout WHERE state <> 'paid'").isEmpty
            }
            // More lies on each of them than the books say.
            for name in names { #expect(try await rig.fake.transferByHand(to: "acct_\(name)") == 200) }
            let audit = try rig.makeAudit(accountsMaximum: 2)
            for expected in [2, 2, 1, 2] { #expect(try await audit.runOnce().accounts == expected) }
            #expect(
                try await rig.texts(
                    "SELECT affiliate_id FROM reconciliation_break WHERE kind = 'balance_mismatch' ORDER BY 1") == names
            )
        }
    }

    @Test("A reserve that no open payout explains is a break, and closes when it is explained again")
    func reserve() async throws {
        try await PaymentRig.with { rig in
            try await rig.request()
            try await rig.run("UPDATE affiliate_balance SET reserved = reserved + 1")
            _ = try await rig.audit()
            #expect(try await rig.texts(AuditTests.open) == ["reservation_mismatch a"])
            try await rig.run("UPDATE affiliate_balance SET reserved = reserved - 1")
            _ = try await rig.audit()
            #expect(try await rig.texts(AuditTests.open) == [])
        }
    }

    @Test("A payout that was found by asking and that no webhook told of is noticed after half an hour")
    func missingWebhook() async throws {
        try await PaymentRig.with(webhooks: .missing, pollSeconds: 2) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .paid, of: payoutID)
            _ = try await rig.audit()
            #expect(try await rig.texts(AuditTests.open) == [])
            rig.clock.advance(seconds: 1_900)
            _ = try await rig.audit()
            #expect(try await rig.texts(AuditTests.open) == ["missing_webhook a"])
        }
    }

    @Test("An event that no webhook told of is asked for, once, and moves the payout as its webhook would have")
    func missedEvents() async throws {
        try await PaymentRig.with(webhooks: .missing, isSimulated: true) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .submitted, of: payoutID)
            let events = try rig.makeEvents()
            for _ in 0..<5 {
                rig.clock.advance(seconds: 1)
                await rig.fake.turn()
            }
            // A transfer, and a payout that was made, on its way and paid.
            #expect(try await events.runOnce() == 4)
            #expect(try await events.runOnce() == 0)
            _ = try await rig.reconciler.runOnce()
            #expect(try await rig.state(of: payoutID) == .paid)
            #expect(
                try await rig.texts(
                    "SELECT DISTINCT split_part(kind, '.', 1) || ' ' || account FROM webhook_inbox ORDER BY 1")
                    == ["payout acct_a", "transfer "])
            // That it had to be asked for is noticed all the same.
            rig.clock.advance(seconds: 1_900)
            _ = try await rig.audit()
            #expect(try await rig.texts(AuditTests.open) == ["missing_webhook a"])
            try await rig.checkBooks()
        }
    }

    @Test("What a webhook told of is not asked for")
    func heardEvents() async throws {
        try await PaymentRig.with { rig in
            try await rig.work(until: .paid, of: try await rig.request())
            try await wait(for: "the last webhook", within: .seconds(30), every: .milliseconds(10)) {
                await rig.fake.undelivered == 0
            }
            #expect(try await rig.makeEvents().runOnce() == 0)
        }
    }
}

extension PaymentRig {
    func makeEvents() throws -> StripeEvents {
        StripeEvents(
            stripe: try makeStripe(), pool: database.pool, pulse: Pulse(every: .seconds(3_600)),
            found: Pulse(every: .seconds(3_600)), readsPerSecond: 100, clock: { clock.now }, metrics: Metrics(),
            logger: .silent)
    }

    func audit() async throws -> AuditRound { try await makeAudit().runOnce() }

    /// - Parameter accountsMaximum: how many accounts' balances one audit compares.
    func makeAudit(accountsMaximum: Int = 500) throws -> ReconciliationAudit {
        ReconciliationAudit(
            stripe: try makeStripe(), pool: database.pool, readsPerSecond: 100, accountsMaximum: accountsMaximum,
            clock: { clock.now }, logger: .silent)
    }
}

/// What the provider's objects say beside amount and status.
@Suite("Contradictions of every kind", .timeLimit(.minutes(5))) struct ContradictionTests {
    private static let open: Statement =
        """
        SELECT kind || ' ' || affiliate_id || ' ' || severity FROM reconciliation_break WHERE resolved_at IS NULL
        ORDER BY 1
        """
    private static let frozen: Statement = "SELECT subject FROM payout_freeze WHERE lifted_at IS NULL ORDER BY 1"

    @Test("A fee that the books do not have is a break, and the payout goes on")
    func fee() async throws {
        try await PaymentRig.with { rig in
            let payoutID = try await rig.request(account: "acct_a_fee")
            try await rig.work(until: .paid, of: payoutID)
            _ = try await rig.audit()
            #expect(try await rig.texts(Self.open) == ["fee_mismatch a warning"])
            #expect(try await rig.texts(Self.frozen) == [])
        }
        var control = FakeCircleControl()
        control.scripts = ["*": .fee]
        try await CircleRig.with(control) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .final, of: payoutID)
            #expect(try await rig.texts(Self.open) == ["fee_mismatch a0 warning"])
        }
    }

    @Test("A transfer that somebody took back is a break and stops the affiliate, with or without its webhook")
    func reversal() async throws {
        for webhooks in [WebhookFault.none, .missing] {
            try await PaymentRig.with(webhooks: webhooks, pollSeconds: 2) { rig in
                let payoutID = try await rig.request()
                try await rig.work(until: .paid, of: payoutID)
                let transfer = try #require(await rig.fake.acceptances.first { $0.object == "transfer" })
                #expect(await rig.fake.reverse(transferID: transfer.id))
                if webhooks == .none {
                    try await rig.work(until: "the break") { try await !rig.texts(Self.open).isEmpty }
                } else {
                    _ = try await rig.audit()
                }
                #expect(try await rig.texts(Self.open).contains("unexpected_reversal a money"), "\(webhooks)")
                #expect(try await rig.texts(Self.frozen) == ["a"])
                #expect(try await rig.state(of: payoutID) == .paid)
            }
        }
    }

    @Test("A payout that failed here and is paid there is a break and stops the affiliate")
    func status() async throws {
        try await PaymentRig.with { rig in
            let payoutID = try await rig.request(account: "acct_a_no_account")
            try await rig.work(until: .failed, of: payoutID)
            let payout = try #require(await rig.fake.acceptances.last)
            await rig.fake.contradict(payoutID: payout.id)
            try await rig.work(until: "the break") { try await !rig.texts(Self.open).isEmpty }
            #expect(try await rig.texts(Self.open) == ["status_mismatch a money"])
            #expect(try await rig.texts(Self.frozen) == ["a"])
            #expect(try await rig.state(of: payoutID) == .failed)
        }
    }

    @Test("An object of the other mode is a break, and moves nothing")
    func mode() async throws {
        try await PaymentRig.with(webhooks: .missing) { rig in
            let payoutID = try await rig.request(account: "acct_a_live")
            _ = try await rig.dispatcher.runOnce()
            _ = try await rig.audit()
            #expect(try await rig.texts(Self.open) == ["livemode_mismatch a money"])
            #expect(try await rig.texts(Self.frozen) == ["a"])
            #expect(try await rig.state(of: payoutID) == .submitting)
        }
    }

    @Test("What the platform has without the books' knowledge is a break until a posting explains it")
    func platformBalance() async throws {
        try await PaymentRig.with { settings in
            settings.platformBalance = 100_000
        } _: { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .paid, of: payoutID)
            _ = try await rig.audit()
            #expect(try await rig.texts(Self.open) == [])
            #expect(
                try await rig.texts(
                    "SELECT concat_ws(' ', here_minor, there_minor, opening_minor) FROM provider_balance")
                    == ["-2500 97500 100000"])
            let second = try await rig.request("b", account: "acct_b", batch: "b")
            try await rig.work(until: .paid, of: second)
            _ = try await rig.audit()
            #expect(try await rig.texts(Self.open) == [])

            var control = FakeStripeControl()
            control.platformBalance = 150_000
            await rig.fake.apply(control)
            _ = try await rig.audit()
            #expect(try await rig.texts(Self.open) == ["balance_mismatch  money"])
            try await rig.topUp(50_000, at: .stripe)
            _ = try await rig.audit()
            #expect(try await rig.texts(Self.open) == [])
        }
    }
}

extension PaymentBench {
    /// Posts what the company paid in at a provider.
    /// - Parameter account: the company's there.
    func topUp(_ minor: Int64, at account: LedgerAccount) async throws {
        let now = clock.now
        let currency = try #require(Currency(code: EarnedMoney.currency))
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try LedgerStore.append(
                [
                    LedgerTransaction(
                        key: "top-up", kind: "top_up", inputHash: Identifier(hashing: "top-up"),
                        postings: [
                            Posting(
                                affiliateID: "", currency: currency, debit: account, credit: .bank, amountMinor: minor)
                        ])
                ], in: transaction, at: now)
        }
    }
}
