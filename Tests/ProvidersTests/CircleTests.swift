import DevKit
import Domain
import Postgres
import Providers
import Testing

@Suite("Paying over Circle", .timeLimit(.minutes(5))) struct CircleTests {
    @Test(
        "A payout is accepted once, paid, and final at once, however its webhooks come",
        arguments: [
            (WebhookFault.none, Int64(86_400)), (.duplicated, 86_400), (.reordered, 86_400), (.delayed, 86_400),
            (.missing, 2),
        ])
    func paid(webhooks: WebhookFault, pollSeconds: Int64) async throws {
        try await CircleRig.with(webhooks: webhooks, pollSeconds: pollSeconds) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .final, of: payoutID)
            let history = try await rig.history(of: payoutID).filter { $0 != "in_transit" }
            #expect(history == ["reserved", "submitting", "submitted", "paid", "final"])
            #expect(try await rig.settlements() == ["paid", "final"])
            #expect(try await rig.texts("SELECT status FROM commission") == ["paid"])
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == [])
            let acceptance = try #require(await rig.fake.acceptances.first)
            #expect(acceptance.amountMinor == 2_500 && acceptance.currency == "USD")
            #expect(acceptance.recipientID == rig.recipients[0])
            try await rig.checkBooks()
        }
    }

    /// What the payout is after the disturbed send.
    static let disturbances: [(ProviderFault, PayoutState)] = [
        (.dropBefore, .unknown), (.dropAfter, .unknown), (.truncated, .unknown), (.errorBefore, .unknown),
        (.errorAfter, .unknown), (.errorStored, .unknown), (.rateLimited, .submitting), (.conflict, .unknown),
        (.slow, .unknown), (.running, .unknown),
    ]

    @Test("A disturbed send is executed once", arguments: disturbances)
    func disturbed(fault: ProviderFault, state: PayoutState) async throws {
        try await CircleRig.with { rig in
            await rig.setFaults([fault], of: rig.recipients[0])
            let payoutID = try await rig.request()
            #expect(try await rig.dispatcher.runOnce().sent == 1)
            #expect(try await rig.state(of: payoutID) == state)
            try await rig.work(until: .final, of: payoutID)
            #expect(await rig.fake.acceptances.count == 1)
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == [])
            try await rig.checkBooks()
        }
    }

    @Test("Whatever goes wrong in whatever order, each payout is accepted once", arguments: UInt64(1)...6)
    func anyFaults(seed: UInt64) async throws {
        // The other two only take long.
        let faults = ProviderFault.allCases.filter { ![.slow, .running].contains($0) }
        var random = SplitMix64(seed: seed)
        let webhooks = random.pick(WebhookFault.allCases)
        try await CircleRig.with(recipients: 8, webhooks: webhooks, pollSeconds: 5) { rig in
            for recipient in rig.recipients {
                await rig.setFaults((0..<random.below(6)).map { _ in random.pick(faults) }, of: recipient)
            }
            for index in 0..<8 { try await rig.request(index, batch: "\(index)") }
            try await rig.work(until: "all to be final") {
                try await rig.sweep.runOnce()
                return try await rig.texts("SELECT state FROM payout WHERE state <> 'final'").isEmpty
            }
            #expect(await rig.fake.acceptances.count == 8)
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == [], "seed \(seed)")
            try await rig.checkBooks()
        }
    }

    @Test("A lost reply is answered by the key's own payout, whose webhooks came before anybody knew it")
    func replayed() async throws {
        try await CircleRig.with(isSimulated: true) { rig in
            await rig.setFaults([.dropAfter], of: rig.recipients[0])
            let payoutID = try await rig.request()
            #expect(try await rig.dispatcher.runOnce().outcomes == ["unknown": 1])
            for _ in 1...2 { await rig.turn() }
            #expect(try await rig.reconcileHints() == 3)
            try await rig.sweep.runOnce()
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == [])
            #expect(try await rig.state(of: payoutID) == .unknown)
            rig.clock.advance(seconds: 3)
            #expect(try await rig.dispatcher.runOnce().outcomes == ["accepted": 1])
            try await rig.work(until: .final, of: payoutID)
            #expect(try await rig.texts("SELECT send_count::text FROM payout_attempt") == ["2"])
            #expect(await rig.fake.acceptances.count == 1)
            try await rig.checkBooks()
        }
    }

    @Test("What came out at another amount than asked is one break, though its webhooks came before its reply")
    func otherAmount() async throws {
        let breaks: Statement = "SELECT kind || ' ' || affiliate_id FROM reconciliation_break"
        var control = FakeCircleControl()
        control.scripts = ["*": .otherAmount]
        try await CircleRig.with(isSimulated: true, control) { rig in
            await rig.setFaults([.dropAfter], of: rig.recipients[0])
            let payoutID = try await rig.request()
            #expect(try await rig.dispatcher.runOnce().outcomes == ["unknown": 1])
            await rig.turn()
            #expect(try await rig.reconcileHints() == 2)
            try await rig.sweep.runOnce()
            #expect(try await rig.texts(breaks) == [])
            rig.clock.advance(seconds: 3)
            #expect(try await rig.dispatcher.runOnce().outcomes == ["accepted": 1])
            try await rig.sweep.runOnce()
            #expect(try await rig.texts(breaks) == ["amount_mismatch a0"])
            #expect(try await rig.state(of: payoutID) == .submitted)
        }
    }

    @Test(
        "What is not the answer is a break once the request has waited for a day",
        arguments: [(3_600, false), (90_000, true)])
    func notTheAnswer(waitedSeconds: Int64, isBreak: Bool) async throws {
        try await CircleRig.with(recipients: 2, isSimulated: true) { rig in
            await rig.setFaults([.dropBefore, .dropBefore], of: rig.recipients[1])
            try await rig.request(1)
            #expect(try await rig.dispatcher.runOnce().outcomes == ["unknown": 1])
            rig.clock.advance(seconds: waitedSeconds)
            #expect(try await rig.dispatcher.runOnce().outcomes == ["unknown": 1])
            try await CircleTests.payByHand(rig)
            try await rig.sweep.runOnce()
            #expect(
                try await rig.texts("SELECT kind FROM reconciliation_break") == (isBreak ? ["missing_in_ledger"] : []))
        }
    }

    /// What a script leads to: the payout's state, its failure code, and the block on the account.
    static let scripts: [(CircleScript, PayoutState, String, String)] = [
        (.failed, .failed, "transaction_failed", "none"), (.denied, .failed, "transaction_denied", "none"),
        (.invalid, .failed, "address_invalid", "address_invalid"), (.inactive, .failed, "recipient_inactive", "none"),
    ]

    @Test("A payout that fails is payable again, and only a wrong address is blocked", arguments: scripts)
    func failing(script: CircleScript, state: PayoutState, code: String, block: String) async throws {
        var control = FakeCircleControl()
        control.scripts = ["*": script]
        try await CircleRig.with(control) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: state, of: payoutID)
            #expect(try await rig.texts("SELECT failure_code FROM payout") == [code])
            #expect(try await rig.texts("SELECT COALESCE(payout_block, 'none') FROM affiliate") == [block])
            #expect(
                try await rig.texts("SELECT concat_ws(' ', payable, reserved) FROM affiliate_balance") == ["2500 0"])
            #expect(try await rig.texts("SELECT status FROM commission") == ["approved"])
            #expect(await rig.fake.spent("USD") == 0)
            try await rig.checkBalances(#_sourceLocation)
        }
    }

    @Test("A status that nobody documents is not the end")
    func undocumented() async throws {
        var control = FakeCircleControl()
        control.scripts = ["*": .undocumented]
        try await CircleRig.with(isSimulated: true, control) { rig in
            let payoutID = try await rig.request()
            #expect(try await rig.dispatcher.runOnce().outcomes == ["accepted": 1])
            await rig.turn()
            let objectID = try #require(await rig.fake.acceptances.first).id
            #expect(await rig.fake.status(of: objectID) == "screening")
            #expect(try await rig.reconcileHints() == 2)
            #expect(try await rig.state(of: payoutID) == .submitted)
            try await rig.work(until: "it to be final") {
                await rig.turn()
                return try await rig.state(of: payoutID) == .final
            }
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == [])
        }
    }

    @Test("A balance that does not suffice is tried again under a new key until it does")
    func insufficient() async throws {
        var control = FakeCircleControl()
        control.balances = ["USD": 0]
        try await CircleRig.with(control) { rig in
            let payoutID = try await rig.request()
            #expect(try await rig.dispatcher.runOnce().sent == 1)
            #expect(try await rig.state(of: payoutID) == .reserved)
            control.balances = ["USD": 2_500]
            await rig.fake.apply(control)
            try await rig.work(until: .final, of: payoutID)
            #expect(
                try await rig.texts(
                    """
                    SELECT concat_ws(' ', attempt_number, state) FROM payout_attempt ORDER BY payout_attempt_id
                    """) == ["1 declined", "2 accepted"])
            try await rig.checkBooks()
        }
    }

    @Test("A key that Circle holds for another request is never sent again")
    func drifted() async throws {
        try await CircleRig.with(recipients: 2) { rig in
            let payoutID = try await rig.request()
            let keys = try await rig.texts(
                "SELECT convert_from(request_body, 'UTF8')::jsonb ->> 'idempotencyKey' FROM payout_attempt")
            try await CircleTests.payByHand(rig, key: try #require(keys.first))
            #expect(try await rig.dispatcher.runOnce().outcomes == ["drifted": 1])
            #expect(try await rig.state(of: payoutID) == .manual)
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == ["request_drift"])
            #expect(await rig.fake.acceptances.count == 1)
        }
    }

    @Test("A refused API key leaves the payout as if it had never been sent")
    func refusedKey() async throws {
        try await CircleRig.with { rig in
            let payoutID = try await rig.request()
            let refused = try rig.makeDispatcher(apiKey: "TEST_API_KEY:revoked:x")
            #expect(try await refused.runOnce().credentialsRefused)
            #expect(try await rig.texts("SELECT state FROM payout_attempt") == ["prepared"])
            try await rig.work(until: .final, of: payoutID)
            try await rig.checkBooks()
        }
    }

    @Test("What no webhook told is found in the list, and what was made there without us is a break")
    func swept() async throws {
        try await CircleRig.with(recipients: 2, webhooks: .missing) { rig in
            let payoutID = try await rig.request()
            // A slow machine may see it paid in the same round.
            try await rig.work(until: "it to be sent") { try await rig.history(of: payoutID).contains("submitted") }
            // The first question comes at once, and was too early for an answer.
            try await wait(for: "Circle to be done", within: .seconds(60), every: .milliseconds(10)) {
                try await rig.sweep.runOnce()
                let state = try await rig.state(of: payoutID)
                return state == .paid || state == .final
            }
            #expect(try await rig.texts("SELECT count(*)::text FROM provider_listing") == ["1"])
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == [])
            try await CircleTests.payByHand(rig)
            try await rig.sweep.runOnce()
            let strange = try #require(await rig.fake.acceptances.last)
            #expect(
                try await rig.texts("SELECT kind || ' ' || object_id FROM reconciliation_break")
                    == ["missing_in_ledger \(strange.id)"])
        }
    }

    @Test("What the company has at Circle without the books' knowledge is a break until a posting explains it")
    func ownBalance() async throws {
        var control = FakeCircleControl()
        control.balances = ["USD": 100_000]
        let open: Statement =
            "SELECT kind || ' ' || object_id FROM reconciliation_break WHERE resolved_at IS NULL ORDER BY 1"
        try await CircleRig.with(recipients: 2, control) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .final, of: payoutID)
            try await rig.audit()
            #expect(try await rig.texts(open) == [])
            #expect(
                try await rig.texts(
                    "SELECT concat_ws(' ', provider, here_minor, there_minor, opening_minor) FROM provider_balance")
                    == ["circle -2500 97500 100000"])
            control.balances = ["USD": 150_000]
            await rig.fake.apply(control)
            try await rig.audit()
            #expect(try await rig.texts(open) == ["balance_mismatch circle USD"])
            try await rig.topUp(50_000, at: .circle)
            try await rig.audit()
            #expect(try await rig.texts(open) == [])
            try await CircleTests.payByHand(rig)
            try await rig.audit()
            #expect(try await rig.texts(open) == ["balance_mismatch circle USD"])
        }
    }

    /// A payout that somebody makes at Circle, past us.
    private static func payByHand(
        _ rig: CircleRig, key: String = "0f8fad5b-d9cb-469f-a165-70867728950e"
    ) async throws {
        try await rig.order(
            """
            {"idempotencyKey":"\(key)","source":{"type":"wallet","id":"1000066041"},\
            "destination":{"type":"address_book","id":"\(rig.recipients[1])"},\
            "amount":{"amount":"7.00","currency":"USD"}}
            """)
    }
}
