import AsyncHTTPClient
import DevKit
import Domain
import Foundation
import NIOCore
import Postgres
import Providers
import Testing
import WorkerRuntime

/// One payer and one reconciler for all the faults of a suite that they survive, started with the first and ended with
/// the tests. Suites run side by side, and each looks at what became of everything.
actor FaultFleet {
    static let ofProviders = FaultFleet()
    static let ofWebhooks = FaultFleet()
    private var starting: Task<RunningFleet, any Error>?

    func running() async throws -> RunningFleet {
        if let starting { return try await starting.value }
        let task = Task {
            let fleet = try await PaymentFleet.start(RunningFleet.environment)
            let (reconciler, webhooks) = try await fleet.startReconciler()
            _ = try await fleet.startPayer()
            let health = try await reconciler.loggedPort(after: "health listening", within: .seconds(30))
            return RunningFleet(fleet: fleet, webhooks: webhooks, health: health)
        }
        starting = task
        return try await task.value
    }
}

/// A fleet under faults, and what is asked of it.
struct RunningFleet: Sendable {
    /// Short waits for replies and between two questions.
    static let environment = ["PAYER_REQUEST_TIMEOUT_SECONDS": "1", "RECONCILE_INTERVAL_SECONDS": "1"]
    /// What becomes true at all is true by then, on a busy machine too.
    static let within = Duration.seconds(60)

    let fleet: PaymentFleet
    /// The reconciler's ports.
    let webhooks: Int
    let health: Int

    struct Payout: Sendable {
        let order: PaymentFleet.Order
        let id: String
    }

    /// Requests a payout under each of `faults`, and waits until all are paid.
    func pay(
        _ faults: [ProviderFaultTests.Fault], named name: String, webhooks: WebhookFault = .none
    ) async throws -> [Payout] {
        var orders: [PaymentFleet.Order] = []
        for (index, fault) in faults.enumerated() {
            var order = PaymentFleet.Order(affiliateID: "\(name)-\(index)", provider: fault.provider)
            order.account =
                fault.provider == "stripe"
                ? "acct_\(name)_\(index)"
                : try await fleet.recipient(Int(Identifier(hashing: name, String(index)).value & 0xF_FFFF))
            await fleet.setFaults(fault.faults, webhooks: webhooks, of: order)
            orders.append(order)
        }
        let ids = try await fleet.request(orders, batch: name)
        try await waitUntilSettled(ids)
        return zip(orders, ids).map { Payout(order: $0, id: $1) }
    }

    func waitUntilSettled(_ ids: [String]) async throws {
        try await wait(for: "payouts to be paid", within: RunningFleet.within) {
            let open = try await fleet.texts("SELECT payout_id::text FROM payout WHERE state NOT IN ('paid', 'final')")
            return open.allSatisfy { !ids.contains($0) }
        }
    }

    func waitUntilApplied(_ eventID: String) async throws {
        try await wait(for: "\(eventID) to be applied", within: RunningFleet.within) {
            let applied = try await fleet.texts("SELECT event_id FROM webhook_inbox WHERE applied_at IS NOT NULL")
            return applied.contains(eventID)
        }
    }

    /// As an hour does.
    func passWaits() async throws {
        try await fleet.database.pool.transaction { (transaction) throws(PostgresError) in
            _ = try transaction.run(
                "UPDATE payout_attempt SET next_send_at = now() WHERE state IN ('prepared', 'unknown')")
        }
    }

    func expectAcceptedOnce(_ payout: Payout, _ location: SourceLocation = #_sourceLocation) async throws {
        guard payout.order.provider == "circle" else {
            let accepted = await acceptances(of: payout.id)
            #expect(
                accepted == ["transfer 2500", "payout 2500"], "\(payout.order.account)", sourceLocation: location)
            return
        }
        let accepted = await fleet.circle.acceptances.filter { $0.recipientID == payout.order.account }
        #expect(accepted.map(\.amountMinor) == [2_500], "\(payout.order.affiliateID)", sourceLocation: location)
    }

    /// What Stripe executed for a payout: `transfer 2500`, `payout 2500`.
    func acceptances(of payoutID: String) async -> [String] {
        await fleet.fake.acceptances.filter { $0.payoutID == payoutID }.map { "\($0.object) \($0.amount)" }
    }

    /// The states that a payout went through.
    func history(of payoutID: String) async throws -> [String] {
        try await texts(
            "SELECT to_state FROM payout_event WHERE payout_id = $1::uuid ORDER BY payout_event_id", payoutID)
    }

    /// The number of each attempt and how often it was sent, in their order.
    func keys(of payoutID: String) async throws -> [String] {
        try await texts(
            """
            SELECT attempt_number || ' ' || send_count FROM payout_attempt WHERE payout_id = $1::uuid
            ORDER BY payout_attempt_id
            """, payoutID)
    }

    /// The provider's object that has the payout.
    func objectID(of payoutID: String) async throws -> String {
        let ids = try await texts(
            """
            SELECT provider_object_id FROM payout_attempt
            WHERE payout_id = $1::uuid AND operation = 'payout' AND state = 'accepted'
            """, payoutID)
        return try #require(ids.first)
    }

    /// What others were told about the ends of payouts.
    func settlements(of payoutIDs: [String]) async throws -> [String] {
        try await fleet.texts(
            """
            SELECT convert_from(payload, 'UTF8')::jsonb -> 'data' ->> 'payout_id' FROM outbox
            WHERE out_topic = 'payouts.settled'
            """
        ).filter(payoutIDs.contains)
    }

    private func texts(_ statement: Statement, _ payoutID: String) async throws -> [String] {
        try await fleet.database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(statement, .text(payoutID)) { row in try row.text(0) }
        }
    }
}

extension RunningFleet {
    /// A genuine event about a payout's object.
    func event(_ eventID: String, about payout: Payout) async throws -> SignedEvent {
        let objectID = try await objectID(of: payout.id)
        return payout.order.provider == "stripe"
            ? .stripe(eventID, account: payout.order.account, objectID: objectID)
            : .circle(eventID, objectID: objectID)
    }

    /// Posts an event to the reconciler.
    ///
    /// - Parameter port: of another reconciler.
    /// - Returns: the HTTP status.
    func post(_ event: SignedEvent, toPort port: Int? = nil) async throws -> UInt {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port ?? webhooks)\(event.path)")
        request.method = .POST
        for (name, value) in event.headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(string: event.body))
        return try await HTTPClient.shared.execute(request, timeout: .seconds(10)).status.code
    }

    /// Webhooks that the reconciler has refused, as its metrics say.
    func refusals() async throws -> Int {
        let response = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: "http://127.0.0.1:\(health)/metrics"), timeout: .seconds(10))
        let text = String(buffer: try await response.body.collect(upTo: 1 << 20))
        let taken = ["stored", "repeated", "ignored", "unavailable"].map { "result=\"\($0)\"" }
        return text.split(separator: "\n").filter { $0.hasPrefix("webhooks_total{") }
            .filter { line in !taken.contains { line.contains($0) } }
            .reduce(0) { $0 + Int(Double($1.split(separator: " ").last ?? "") ?? 0) }
    }
}

/// A request to a webhook endpoint, signed for its body when it is posted unless it says otherwise.
struct SignedEvent: Sendable {
    enum Signature: Sendable {
        case stripe(secret: String, ageSeconds: Int64)
        case circle(keyID: String)
        /// Headers as they are, whatever the body is.
        case fixed([String: String])
    }

    let id: String
    let path: String
    var body: String
    var signature: Signature

    static func stripe(
        _ id: String, account: String, objectID: String, secret: String = FakeStripeSettings().connectSecret
    ) -> SignedEvent {
        SignedEvent(
            id: id, path: "/webhooks/stripe-connect",
            body: """
                {"id":"\(id)","object":"event","type":"payout.paid","account":"\(account)","livemode":false,\
                "data":{"object":{"id":"\(objectID)"}}}
                """, signature: .stripe(secret: secret, ageSeconds: 0))
    }

    static func circle(_ id: String, objectID: String, ageSeconds: Int64 = 0) -> SignedEvent {
        SignedEvent(
            id: id, path: "/webhooks/circle",
            body: """
                {"subscriptionId":"s","notificationId":"\(id)","notificationType":"payouts",\
                "notification":{"id":"\(objectID)"},\
                "timestamp":"\(systemNow().adding(seconds: -ageSeconds).rfc3339)","version":2}
                """, signature: .circle(keyID: FakeCircleKey.id))
    }

    var headers: [String: String] {
        let bytes = Array(body.utf8)
        switch signature {
        case .stripe(let secret, let ageSeconds):
            let signedAt = systemNow().adding(seconds: -ageSeconds)
            return ["Stripe-Signature": StripeSignature.header(for: bytes, secret: secret, at: signedAt)]
        case .circle(let keyID):
            return ["X-Circle-Signature": FakeCircleKey.sign(bytes, keyID: keyID), "X-Circle-Key-Id": keyID]
        case .fixed(let headers): return headers
        }
    }

    /// The same headers whatever becomes of the body.
    func signedNow() -> SignedEvent {
        var event = self
        event.signature = .fixed(headers)
        return event
    }
}

extension PaymentFleet {
    func setFaults(_ faults: [ProviderFault], webhooks: WebhookFault = .none, of order: Order) async {
        if order.provider == "stripe" {
            var control = FakeStripeControl()
            control.faults = [order.account: faults]
            control.webhookFaults = [order.account: webhooks]
            await fake.apply(control)
        } else {
            var control = FakeCircleControl()
            control.faults = [order.account: faults]
            control.webhookFaults = [order.account: webhooks]
            await circle.apply(control)
        }
    }
}
