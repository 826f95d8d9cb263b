import DevKit
import Testing

@Suite("Payer and reconciler, killed on purpose", .serialized, .timeLimit(.minutes(5))) struct PaymentKillTests {
    @Test(
        "F52: a payer killed at any point, and started again, has paid once",
        arguments: [
            ("stripe", "afterPoll"), ("stripe", "beforeCommit"), ("stripe", "afterCommit"),
            // The first request is the transfer, the second the bank payout.
            ("stripe", "afterProviderRequest"), ("stripe", "afterProviderRequest:2"), ("stripe", "afterProviderReply"),
            ("stripe", "afterProviderReply:2"), ("circle", "afterProviderRequest"), ("circle", "afterProviderReply"),
        ])
    func payer(of provider: String, killedAt point: String) async throws {
        try await PaymentFleet.with { run in
            try await run.startReconciler()
            let victim = try await run.startPayer(crashAt: point)
            try await run.request([try await PaymentKillTests.order(provider, run)])
            #expect(await victim.waitForEnd() == .signalled(9))
            try await run.endLeases()
            _ = try await run.startPayer()
            try await PaymentKillTests.expectPaidOnce(run, provider)
        }
    }

    @Test(
        "F60: a reconciler killed once it has stored a webhook, and started again, has settled the payout once",
        arguments: [
            ("stripe", "afterWebhookStored"), ("stripe", "afterWebhookStored:2"), ("stripe", "afterWebhookStored:4"),
            ("stripe", "afterPublish"), ("circle", "afterWebhookStored:2"),
        ])
    func reconciler(of provider: String, killedAt point: String) async throws {
        try await PaymentFleet.with { run in
            let order = try await PaymentKillTests.order(provider, run)
            let victim = try await run.startReconciler(crashAt: point).process
            _ = try await run.startPayer()
            try await run.request([order])
            #expect(await victim.waitForEnd() == .signalled(9))
            try await run.startReconciler()
            try await PaymentKillTests.expectPaidOnce(run, provider)
        }
    }

    @Test("Two payers and two reconcilers pay once")
    func inPairs() async throws {
        try await PaymentFleet.with { run in
            for _ in 1...2 {
                _ = try await run.startPayer()
                try await run.startReconciler()
            }
            try await run.request()
            try await PaymentKillTests.expectPaidOnce(run)
        }
    }

    private static func order(_ provider: String, _ run: PaymentFleet) async throws -> PaymentFleet.Order {
        provider == "stripe"
            ? PaymentFleet.Order()
            : PaymentFleet.Order(account: try await run.recipient(), provider: provider)
    }

    private static func expectPaidOnce(_ run: PaymentFleet, _ provider: String = "stripe") async throws {
        try await run.waitUntilPaid()
        if provider == "stripe" {
            #expect(await run.fake.acceptances.map { "\($0.object) \($0.amount)" } == ["transfer 2500", "payout 2500"])
        } else {
            #expect(await run.circle.acceptances.map(\.amountMinor) == [2_500])
        }
        try await wait(for: "every webhook to be applied", within: .seconds(30)) {
            let waiting = try await run.texts("SELECT event_id FROM webhook_inbox WHERE applied_at IS NULL")
            let undelivered = (await run.fake.undelivered) + (await run.circle.undelivered)
            return waiting.isEmpty && undelivered == 0
        }
        #expect(try await run.texts("SELECT kind FROM reconciliation_break") == [])
        let (end, output) = try await run.verify()
        #expect(end == .exited(0), "\(output)")
    }
}
