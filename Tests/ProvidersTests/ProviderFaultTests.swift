import DevKit
import Domain
import Foundation
import Postgres
import Testing

/// What providers and wires do to the real payer and the real reconciler. F52 and F60, where these die themselves, are
/// among the kills.
@Suite("Faults of providers, seen by real processes", .serialized, .timeLimit(.minutes(5)))
struct ProviderFaultTests {
    /// The last state of everything that is well.
    private static let settled = ["paid", "final"]

    struct Fault: Sendable {
        let provider: String
        /// Of the requests about the payout, in order.
        let faults: [ProviderFault]
    }

    static let beforeAcceptance = [
        Fault(provider: "stripe", faults: [.errorBefore]), Fault(provider: "stripe", faults: [.dropBefore]),
        Fault(provider: "circle", faults: [.errorBefore]), Fault(provider: "circle", faults: [.errorStored]),
        Fault(provider: "circle", faults: [.dropBefore]),
    ]

    @Test("F50: a failure before acceptance is tried again under the same key, and accepted once")
    func beforeAcceptance() async throws {
        let run = try await FaultFleet.ofProviders.running()
        let payouts = try await run.pay(Self.beforeAcceptance, named: "f50")
        for payout in payouts {
            try await run.expectAcceptedOnce(payout)
            #expect(try await run.keys(of: payout.id).allSatisfy { $0.hasPrefix("1 ") }, "a key was minted anew")
            #expect(try await run.keys(of: payout.id).first == "1 2", "first attempt, sent twice")
        }
    }

    static let afterAcceptance =
        [ProviderFault.dropAfter, .truncated, .errorAfter, .slow, .running].flatMap { fault in
            // Stripe's second request is the bank payout.
            [Fault(provider: "stripe", faults: [fault, fault]), Fault(provider: "circle", faults: [fault])]
        }

    @Test("F51: what was accepted and not answered is unknown until it is found, and accepted once")
    func afterAcceptance() async throws {
        let run = try await FaultFleet.ofProviders.running()
        for payout in try await run.pay(Self.afterAcceptance, named: "f51", webhooks: .missing) {
            try await run.expectAcceptedOnce(payout)
            #expect(try await run.history(of: payout.id).contains("unknown"), "\(payout.order.account)")
        }
    }

    @Test("F53: who is turned away waits in order, others flow, and an outage of an hour is no dead letter")
    func turnedAway() async throws {
        let run = try await FaultFleet.ofProviders.running()
        let limited = PaymentFleet.Order(affiliateID: "f53-limited", account: "acct_f53_limited")
        await run.fleet.setFaults([.rateLimited], of: limited)
        let first = try await run.fleet.plan([limited], batch: "f53-1")
        let others = [
            PaymentFleet.Order(affiliateID: "f53-other", account: "acct_f53_other"),
            PaymentFleet.Order(
                affiliateID: "f53-circle", account: try await run.fleet.recipient(530), provider: "circle"),
        ]
        let later = try await run.fleet.plan([limited] + others, batch: "f53-2")
        try await run.fleet.publish(first)
        try await wait(for: "the first to be turned away", within: RunningFleet.within, every: .milliseconds(10)) {
            try await run.keys(of: first[0]) == ["1 1"]
        }
        try await run.fleet.publish(later)
        try await run.waitUntilSettled(first + later)
        let order = await run.fleet.fake.acceptances.filter { $0.object == "transfer" }.map(\.payoutID)
        let places = [later[1], first[0], later[0]].compactMap { order.firstIndex(of: $0) }
        #expect(places.count == 3 && places == places.sorted(), "the other one first, then those of one account")

        run.fleet.wire.set(.swallow)
        run.fleet.wire.cutAll()
        let during = try await run.fleet.request(
            [PaymentFleet.Order(affiliateID: "f53-down", account: "acct_f53_down"), others[1]], batch: "f53-3")
        try await run.waitUntilSettled([during[1]])
        try await wait(for: "the outage to be noticed", within: RunningFleet.within) {
            try await run.history(of: during[0]).contains("unknown")
        }
        run.fleet.wire.set(.forward)
        run.fleet.wire.cutAll()
        try await run.passWaits()
        try await run.waitUntilSettled([during[0]])
        #expect(await run.acceptances(of: during[0]) == ["transfer 2500", "payout 2500"])
        #expect(try await run.fleet.texts("SELECT error_class FROM dead_letter") == [])
    }

    @Test("F54: a webhook that comes a hundred times is stored once and changes one state", arguments: providers)
    func replayed(provider: String) async throws {
        let run = try await FaultFleet.ofProviders.running()
        let payout = try await run.pay([Fault(provider: provider, faults: [])], named: "f54-\(provider)")[0]
        let event = try await run.event("evt_f54", about: payout)
        let statuses = try await withThrowingTaskGroup(of: UInt.self) { group in
            for _ in 0..<100 { group.addTask { try await run.post(event) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count == 100 && statuses.allSatisfy { $0 == 200 })
        try await run.waitUntilApplied("evt_f54")
        #expect(
            try await run.fleet.texts("SELECT provider FROM webhook_inbox WHERE event_id = 'evt_f54'")
                .filter { $0 == provider } == [provider])
        // What is paid over Circle becomes final by itself.
        let history = try await run.history(of: payout.id)
        #expect(Set(history).count == history.count, "\(history)")
        #expect(history.last == "paid" || history.last == "final")
    }

    static let providers = ["stripe", "circle"]

    @Test(
        "F57: a webhook a month late, or about what nobody here made, is kept, matched or reported, and makes no money")
    func late() async throws {
        let run = try await FaultFleet.ofProviders.running()
        let payout = try await run.pay([Fault(provider: "stripe", faults: [])], named: "f57")[0]
        let before = try await run.fleet.texts("SELECT count(*)::text FROM ledger_posting")
        let created = Int64(Date().timeIntervalSince1970) - 30 * 86_400
        var late = try await run.event("evt_f57_late", about: payout)
        late.body = late.body.replacing("{\"id\"", with: "{\"created\":\(created),\"id\"", maxReplacements: 1)
        let unknown = SignedEvent.stripe("evt_f57_unknown", account: "acct_nobody", objectID: "po_nobody")
        let strange = SignedEvent.circle("evt_f57_strange", objectID: "0f8fad5b-d9cb-469f-a165-70867728950e")
        for event in [late, unknown, strange] { #expect(try await run.post(event) == 200, "\(event.body)") }
        #expect(try await run.fleet.fake.transferByHand(to: "acct_f57_stranger") == 200)
        for id in ["evt_f57_late", "evt_f57_unknown", "evt_f57_strange"] { try await run.waitUntilApplied(id) }
        try await wait(for: "the transfer that somebody made to be reported", within: RunningFleet.within) {
            try await run.fleet.texts(
                "SELECT kind FROM reconciliation_break WHERE kind = 'missing_in_ledger'"
            ).count == 1
        }
        #expect(
            try await run.fleet.texts(
                "SELECT object_id FROM reconciliation_break WHERE kind = 'unmatched_webhook' ORDER BY 1")
                == ["0f8fad5b-d9cb-469f-a165-70867728950e", "po_nobody"])
        #expect(try await run.fleet.texts("SELECT count(*)::text FROM ledger_posting") == before)
        #expect(try await run.history(of: payout.id).last.map(Self.settled.contains) == true)
    }

    @Test("F58: what differs in amount or currency is a break that stops the affiliate, and settles nothing")
    func differing() async throws {
        let run = try await FaultFleet.ofProviders.running()
        let recipient = try await run.fleet.recipient(580)
        var control = FakeCircleControl()
        control.scripts = [recipient: .otherAmount]
        await run.fleet.circle.apply(control)
        let orders = [
            PaymentFleet.Order(affiliateID: "f58-amount", account: "acct_f58_other_amount"),
            PaymentFleet.Order(affiliateID: "f58-circle", account: recipient, provider: "circle"),
            PaymentFleet.Order(affiliateID: "f58-currency", account: "acct_f58_other_currency"),
        ]
        let payouts = try await run.fleet.request(orders, batch: "f58")
        let breaks: Statement =
            "SELECT kind || ' ' || affiliate_id FROM reconciliation_break WHERE affiliate_id LIKE 'f58-%' ORDER BY 1"
        try await wait(for: "each to be accepted and doubted", within: RunningFleet.within) {
            let states = try await run.fleet.texts("SELECT state FROM payout WHERE affiliate_id LIKE 'f58-%'")
            let doubted = Set(try await run.fleet.texts(breaks).map { $0.split(separator: " ").last })
            return states.allSatisfy { $0 == "submitted" } && doubted.count == orders.count
        }
        #expect(
            try await run.fleet.texts(breaks)
                == ["amount_mismatch f58-amount", "amount_mismatch f58-circle", "currency_mismatch f58-currency"])
        for payoutID in payouts { #expect(try await run.history(of: payoutID).last == "submitted") }
        #expect(
            try await run.fleet.texts("SELECT subject FROM payout_freeze WHERE subject LIKE 'f58-%' ORDER BY 1")
                == orders.map(\.affiliateID))
        #expect(try await run.settlements(of: payouts) == [])
    }

    @Test("F58: a webhook that names another amount is believed in nothing")
    func lying() async throws {
        let run = try await FaultFleet.ofProviders.running()
        let payout = try await run.pay([Fault(provider: "stripe", faults: [])], named: "f58-lie")[0]
        var event = try await run.event("evt_f58_lie", about: payout)
        event.body = event.body.replacing(
            "{\"object\":{", with: "{\"object\":{\"object\":\"payout\",\"amount\":99900,\"status\":\"failed\",")
        #expect(try await run.post(event) == 200)
        try await run.waitUntilApplied("evt_f58_lie")
        #expect(try await run.history(of: payout.id).last.map(Self.settled.contains) == true)
        #expect(
            try await run.fleet.texts("SELECT kind FROM reconciliation_break WHERE affiliate_id LIKE 'f58-lie%'") == [])
    }

    @Test("F59: a payout whose webhooks never come is settled by asking", arguments: providers)
    func lost(provider: String) async throws {
        let run = try await FaultFleet.ofProviders.running()
        let payout = try await run.pay(
            [Fault(provider: provider, faults: [])], named: "f59-\(provider)", webhooks: .missing)[0]
        let object = try await run.objectID(of: payout.id)
        #expect(try await run.fleet.texts("SELECT object_id FROM webhook_inbox").contains(object) == false)
        #expect(
            try await run.fleet.texts("SELECT DISTINCT actor FROM payout_event WHERE to_state = 'paid'")
                .contains("poll"))
    }
}
