import DevKit
import Domain
import Postgres
import Providers
import Storage
import Testing

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
}

extension PaymentRig {
    func audit() async throws -> AuditRound {
        try await ReconciliationAudit(
            stripe: makeStripe(), pool: database.pool, readsPerSecond: 100, clock: { clock.now }, logger: .silent
        ).runOnce()
    }
}
