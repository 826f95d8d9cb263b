import DevKit
import Domain
import Postgres
import Providers
import Testing

@Suite("Settling payouts", .timeLimit(.minutes(5))) struct SettlementTests {
    @Test(
        "A payout is paid, each state once, however its webhooks come",
        arguments: [
            // Without webhooks the reconciler has to ask; with them it has no reason to.
            (WebhookFault.none, Int64(86_400)), (.duplicated, 86_400), (.reordered, 86_400), (.missing, 2),
        ])
    func webhooks(fault: WebhookFault, pollSeconds: Int64) async throws {
        try await PaymentRig.with(webhooks: fault, pollSeconds: pollSeconds) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .paid, of: payoutID)
            let history = try await rig.history(of: payoutID)
            #expect(Set(history).count == history.count)
            #expect(history.filter { $0 != "in_transit" } == ["reserved", "submitting", "submitted", "paid"])
            #expect(try await rig.settlements() == ["paid"])
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == [])
            try await rig.checkBooks()
        }
    }

    @Test("Each event is stored once and applied, though it comes three times")
    func storedOnce() async throws {
        try await PaymentRig.with(webhooks: .duplicated) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .paid, of: payoutID)
            try await rig.work(until: "every event to be applied") {
                try await rig.texts("SELECT DISTINCT kind FROM webhook_inbox WHERE applied_at IS NOT NULL ORDER BY 1")
                    == ["payout.created", "payout.paid", "payout.updated", "transfer.created"]
            }
            #expect(try await rig.texts("SELECT event_id FROM webhook_inbox").count == 4)
            try await rig.checkBooks()
        }
    }

    @Test("A payout that fails at the bank is payable again, and its account is blocked")
    func failed() async throws {
        try await PaymentRig.with { rig in
            let payoutID = try await rig.request(account: "acct_a_no_account")
            try await rig.work(until: .failed, of: payoutID)
            #expect(try await rig.texts("SELECT failure_code FROM payout") == ["no_account"])
            #expect(try await rig.texts("SELECT payout_block FROM affiliate") == ["no_account"])
            #expect(
                try await rig.texts("SELECT concat_ws(' ', payable, reserved, connected) FROM affiliate_balance")
                    == ["2500 0 2500"])
            #expect(try await rig.texts("SELECT status FROM commission") == ["approved"])
            #expect(try await rig.settlements() == ["failed"])
            try await rig.checkBooks()
        }
    }

    @Test("A paid payout that the bank sends back is payable again")
    func returned() async throws {
        try await PaymentRig.with({ $0.settleAfter = .milliseconds(150) }) { rig in
            let payoutID = try await rig.request(account: "acct_a_returned")
            try await rig.work(until: .returned, of: payoutID)
            #expect(try await rig.history(of: payoutID).suffix(1) == ["returned"])
            #expect(try await rig.texts("SELECT payout_block FROM affiliate") == ["account_closed"])
            #expect(
                try await rig.texts("SELECT concat_ws(' ', payable, reserved, connected) FROM affiliate_balance")
                    == ["2500 0 2500"])
            #expect(try await rig.texts("SELECT status FROM commission") == ["approved"])
            try await rig.checkBooks()
        }
    }

    @Test("Money that a failed payout left on the account is paid from there: never a second transfer of it")
    func leftOnAccount() async throws {
        try await PaymentRig.with({ $0.settleAfter = .seconds(600) }) { rig in
            let first = try await rig.request()
            try await rig.work(until: .submitted, of: first)
            let object = try #require(await rig.fake.acceptances.last)
            #expect(await rig.fake.fail(payoutID: object.id, code: "could_not_process"))
            try await rig.work(until: .failed, of: first)
            var quick = FakeStripeControl()
            quick.settleAfterMilliseconds = 10
            await rig.fake.apply(quick)
            let second = try await rig.request(amountMinor: 1_000, batch: "second")
            try await rig.work(until: .paid, of: second)
            #expect(await rig.acceptances(of: first) == ["transfer 2500", "payout 2500"])
            #expect(await rig.acceptances(of: second) == ["transfer 1000", "payout 3500"])
            try await rig.checkBooks()
        }
    }

    @Test("Money that lies on an account that the affiliate gave up is not paid from the new one")
    func leftOnFormerAccount() async throws {
        try await PaymentRig.with { rig in
            let first = try await rig.request(account: "acct_a_no_account")
            try await rig.work(until: .failed, of: first)
            try await rig.run("UPDATE affiliate SET payout_block = NULL")
            let second = try await rig.request(account: "acct_b", amountMinor: 1_000, batch: "second")
            try await rig.work(until: .paid, of: second)
            #expect(await rig.acceptances(of: second) == ["transfer 3500", "payout 3500"])
            #expect(await rig.fake.balance(of: "acct_a_no_account") == ["usd": 2_500])
        }
    }

    @Test("A payout is final when the time for returns is over, and a return after that is a break")
    func lateReturn() async throws {
        try await PaymentRig.with { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .paid, of: payoutID)
            rig.clock.advance(seconds: Int64(PaymentRig.schedule.returnWindowDays + 1) * 86_400)
            try await rig.work(until: .final, of: payoutID)
            let object = try #require(await rig.fake.acceptances.last)
            #expect(await rig.fake.fail(payoutID: object.id, code: "account_closed"))
            try await rig.work(until: .returned, of: payoutID)
            #expect(try await rig.settlements() == ["paid", "final", "returned"])
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == ["late_return"])
            try await rig.checkBooks()
        }
    }

    @Test("A transfer that no payout of ours made is a break, and moves nothing here")
    func orphan() async throws {
        try await PaymentRig.with { rig in
            #expect(try await rig.fake.transferByHand(to: "acct_other") == 200)
            try await rig.work(until: "the break") {
                try await rig.texts("SELECT kind FROM reconciliation_break") == ["missing_in_ledger"]
            }
            #expect(try await rig.texts("SELECT key FROM ledger_transaction") == [])
        }
    }
}
