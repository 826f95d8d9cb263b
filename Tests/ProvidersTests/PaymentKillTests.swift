import DevKit
import Testing

@Suite("Payer and reconciler, killed on purpose", .serialized, .timeLimit(.minutes(5))) struct PaymentKillTests {
    @Test(
        "A payer killed at any point, and started again, has paid once",
        arguments: [
            "afterPoll", "beforeCommit", "afterCommit",
            // The first request is the transfer, the second the bank payout.
            "afterProviderRequest", "afterProviderRequest:2", "afterProviderReply", "afterProviderReply:2",
        ])
    func payer(killedAt point: String) async throws {
        try await PaymentFleet.with { run in
            _ = try await run.startReconciler()
            let victim = try await run.startPayer(crashAt: point)
            try await run.request()
            #expect(await victim.waitForEnd() == .signalled(9))
            try await run.endLeases()
            _ = try await run.startPayer()
            try await PaymentKillTests.expectPaidOnce(run)
        }
    }

    @Test(
        "A reconciler killed once it has stored a webhook, and started again, has settled the payout once",
        arguments: ["afterWebhookStored", "afterWebhookStored:2", "afterWebhookStored:4", "afterPublish"])
    func reconciler(killedAt point: String) async throws {
        try await PaymentFleet.with { run in
            let victim = try await run.startReconciler(crashAt: point)
            _ = try await run.startPayer()
            try await run.request()
            #expect(await victim.waitForEnd() == .signalled(9))
            _ = try await run.startReconciler()
            try await PaymentKillTests.expectPaidOnce(run)
        }
    }

    @Test("Two payers and two reconcilers pay once")
    func inPairs() async throws {
        try await PaymentFleet.with { run in
            for _ in 1...2 {
                _ = try await run.startPayer()
                _ = try await run.startReconciler()
            }
            try await run.request()
            try await PaymentKillTests.expectPaidOnce(run)
        }
    }

    private static func expectPaidOnce(_ run: PaymentFleet) async throws {
        try await run.waitUntilPaid()
        #expect(await run.fake.acceptances.map { "\($0.object) \($0.amount)" } == ["transfer 2500", "payout 2500"])
        try await wait(for: "every webhook to be applied", within: .seconds(30)) {
            let waiting = try await run.texts("SELECT event_id FROM webhook_inbox WHERE applied_at IS NULL")
            let undelivered = await run.fake.undelivered
            return waiting.isEmpty && undelivered == 0
        }
        #expect(try await run.texts("SELECT kind FROM reconciliation_break") == [])
        let (end, output) = try await run.verify()
        #expect(end == .exited(0), "\(output)")
    }
}
