import DevKit
import Domain
import Postgres
import Testing

/// Webhooks that come in the wrong order, from somebody else, or while secrets change, at real reconcilers.
@Suite("Faults of webhooks, seen by real processes", .serialized, .timeLimit(.minutes(5)))
struct WebhookFaultTests {
    @Test("F55: what is settled before its payer knows that it was accepted stays settled")
    func outOfOrder() async throws {
        let fleet = try await PaymentFleet.start(RunningFleet.environment)
        let (_, webhooks) = try await fleet.startReconciler()
        let run = RunningFleet(fleet: fleet, webhooks: webhooks, health: 0)
        do {
            for (provider, point) in [("stripe", "afterProviderRequest:2"), ("circle", "afterProviderRequest")] {
                try await Self.settleBeforeAccepted(run, provider, frozenAt: point)
            }
        } catch {
            try await fleet.stop()
            throw error
        }
        try await fleet.stop()
    }

    private static func settleBeforeAccepted(
        _ run: RunningFleet, _ provider: String, frozenAt point: String
    ) async throws {
        var order = PaymentFleet.Order(affiliateID: "f55-\(provider)", account: "acct_f55", provider: provider)
        if provider == "circle" { order.account = try await run.fleet.recipient() }
        await run.fleet.setFaults([], webhooks: .reordered, of: order)
        let payer = try await run.fleet.startPayer(freezeAt: point)
        let payoutID = try await run.fleet.request([order], batch: provider)[0]
        try await wait(for: "the payer to stop behind its request", within: .seconds(30)) { payer.isFrozen }
        try await wait(for: "the webhooks to be applied", within: .seconds(30)) {
            let left = try await run.fleet.texts("SELECT event_id FROM webhook_inbox WHERE applied_at IS NULL")
            let known = try await run.fleet.texts("SELECT provider FROM webhook_inbox WHERE kind LIKE 'payout%'")
            return left.isEmpty && known.count { $0 == provider } >= 3
        }
        // Stripe's object names our attempt; Circle's waits for the reply, or for its key to be sent again.
        #expect(try await run.history(of: payoutID).last == (provider == "stripe" ? "paid" : "submitting"))
        await payer.signal(18)
        try await run.waitUntilSettled([payoutID])
        await run.fleet.fleet.stop(payer)
        let history = try await run.history(of: payoutID)
        let states = history.compactMap { PayoutState(rawValue: $0)?.rank }
        #expect(states == states.sorted() && Set(history).count == history.count, "\(history)")
        #expect(try await run.fleet.texts("SELECT kind FROM reconciliation_break") == [])
    }

    struct Forgery: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let make: @Sendable (SignedEvent) -> SignedEvent
    }

    static let ofStripe = [
        Forgery(testDescription: "another secret") { $0.signed(.stripe(secret: "whsec_x", ageSeconds: 0)) },
        Forgery(testDescription: "the other endpoint's secret") {
            $0.signed(.stripe(secret: FakeStripeSettings().platformSecret, ageSeconds: 0))
        },
        Forgery(testDescription: "five minutes and more old") {
            $0.signed(.stripe(secret: FakeStripeSettings().connectSecret, ageSeconds: 302))
        },
        Forgery(testDescription: "ahead of time") {
            $0.signed(.stripe(secret: FakeStripeSettings().connectSecret, ageSeconds: -310))
        },
        Forgery(testDescription: "one byte changed") { $0.signedNow().saying("payout.paiD") },
        Forgery(testDescription: "unsigned") { $0.signed(.fixed([:])) },
    ]
    static let ofCircle = [
        Forgery(testDescription: "another body's signature") {
            $0.signed(.fixed(["X-Circle-Signature": FakeCircleKey.sign([1]), "X-Circle-Key-Id": FakeCircleKey.id]))
        },
        Forgery(testDescription: "one byte changed") { $0.signedNow().saying("payoutS") },
        Forgery(testDescription: "a key that Circle has not") {
            $0.signed(.circle(keyID: "0f8fad5b-d9cb-469f-a165-70867728950e"))
        },
        Forgery(testDescription: "three days and more old") { _ in
            .circle("evt_f56", objectID: "x", ageSeconds: 3 * 86_400 + 60)
        },
        Forgery(testDescription: "unsigned") { $0.signed(.fixed([:])) },
    ]

    @Test("F56: what is forged, stale or changed by a byte is refused, counted, and changes nothing")
    func forged() async throws {
        let run = try await FaultFleet.ofWebhooks.running()
        let genuine = [
            SignedEvent.stripe("evt_f56", account: "acct_f56", objectID: "po_f56"),
            .circle("evt_f56", objectID: "0f8fad5b-d9cb-469f-a165-708677289500"),
        ]
        let before = try await run.refusals()
        let rows = try await run.fleet.texts("SELECT count(*)::text FROM webhook_inbox WHERE event_id = 'evt_f56'")
        for (event, forgeries) in zip(genuine, [Self.ofStripe, Self.ofCircle]) {
            for forgery in forgeries {
                #expect(try await run.post(forgery.make(event)) == 400, "\(event.path): \(forgery.testDescription)")
            }
        }
        #expect(try await run.refusals() - before == Self.ofStripe.count + Self.ofCircle.count)
        #expect(
            try await run.fleet.texts("SELECT count(*)::text FROM webhook_inbox WHERE event_id = 'evt_f56'") == rows)
        for event in genuine { #expect(try await run.post(event) == 200, "the genuine one of \(event.path)") }
    }

    @Test("F61: while a secret is changed, deliveries under either are taken, and afterwards none under the old")
    func rotation() async throws {
        let run = try await FaultFleet.ofWebhooks.running()
        let (old, new) = (FakeStripeSettings().connectSecret, "whsec_fake_connect_next")
        func event(_ number: Int, _ secret: String) -> SignedEvent {
            .stripe("evt_f61_\(number)", account: "acct_f61", objectID: "po_f61", secret: secret)
        }
        // Each row is a reconciler that replaces the one before; what it is sent under the old and the new secret.
        let steps: [(secrets: String, answers: [UInt])] = [
            (old, [200, 400]), ("\(new),\(old)", [200, 200]), (new, [400, 200]),
        ]
        var number = 0
        for step in steps {
            let (reconciler, port) = try await run.fleet.startReconciler(connectSecrets: step.secrets)
            for _ in 0..<10 {
                for (secret, answer) in zip([old, new], step.answers) {
                    number += 1
                    #expect(
                        try await run.post(event(number, secret), toPort: port) == answer, "\(step.secrets) \(secret)")
                }
            }
            await run.fleet.fleet.stop(reconciler)
        }
        // Circle signs with another key from one day to the next, and names it.
        for keyID in FakeCircleKey.ids {
            var event = SignedEvent.circle("evt_f61_\(keyID)", objectID: "0f8fad5b-d9cb-469f-a165-708677289501")
            event.signature = .circle(keyID: keyID)
            #expect(try await run.post(event) == 200, "\(keyID)")
        }
        await run.fleet.deliverWebhooks(toPort: run.webhooks)
    }
}

extension SignedEvent {
    func signed(_ signature: Signature) -> SignedEvent {
        var event = self
        event.signature = signature
        return event
    }

    /// With another kind, in as many bytes.
    func saying(_ kind: String) -> SignedEvent {
        var event = self
        event.body = event.body.replacing(kind.lowercased(), with: kind)
        return event
    }
}
