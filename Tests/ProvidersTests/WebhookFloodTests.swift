import AsyncHTTPClient
import DevKit
import Domain
import Foundation
import NIOCore
import Postgres
import Testing
import WorkerRuntime

/// As many genuine deliveries as forged ones, in any order, at the real reconciler.
///
/// `WEBHOOK_FLOOD=20000` sends so many of each, and says what it took.
@Suite("A flood of webhooks", .serialized, .timeLimit(.minutes(30))) struct WebhookFloodTests {
    private static let size = Int(ProcessInfo.processInfo.environment["WEBHOOK_FLOOD"] ?? "") ?? 1_000
    private static let payouts = 16
    private static let concurrency = 32
    /// What a process may grow by whatever comes in; a kibibyte kept of each of 40,000 requests would be more.
    private static let growthKibibytesMaximum = 24 * 1_024

    @Test("Each genuine delivery is applied once, no forged one at all, and the memory does not grow with them")
    func flood() async throws {
        let fleet = try await PaymentFleet.start([
            "RECONCILE_INTERVAL_SECONDS": "86400", "RECONCILER_READS_PER_SECOND": "100",
        ])
        do {
            try await Self.flood(fleet)
        } catch {
            try await fleet.stop()
            throw error
        }
        try await fleet.stop()
    }

    private static func flood(_ fleet: PaymentFleet) async throws {
        let (reconciler, port) = try await fleet.startReconciler()
        let run = RunningFleet(fleet: fleet, webhooks: port, health: 0)
        let objects = try await submit(run)
        let genuine = makeGenuine(about: objects)
        var deliveries = genuine.map { Delivery(event: $0, isGenuine: true) } + makeForged(about: objects)
        var random = SplitMix64(seed: 1)
        random.shuffle(&deliveries)

        let warmUp = deliveries.count / 10
        var wrong = try await send(Array(deliveries[..<warmUp]), to: run)
        let before = memoryKibibytes(of: reconciler)
        let began = ContinuousClock.now
        wrong += try await send(Array(deliveries[warmUp...]), to: run)
        let seconds = began.duration(to: .now) / .seconds(1)
        let expected = Set(genuine.map { "\($0.path) \($0.id)" }).count
        try await wait(for: "every delivery to be applied", within: .seconds(900), every: .milliseconds(200)) {
            try await fleet.texts("SELECT '1' FROM webhook_inbox WHERE applied_at IS NULL LIMIT 1").isEmpty
        }
        let after = memoryKibibytes(of: reconciler)
        #expect(wrong == [])
        // Beside them there is what Circle told of its address book.
        #expect(
            try await fleet.texts(
                "SELECT count(*)::text FROM webhook_inbox WHERE kind LIKE 'payout%'") == [String(expected)])
        #expect(
            try await fleet.texts("SELECT count(*)::text FROM webhook_inbox WHERE event_id LIKE 'forged%'") == ["0"])
        // What the provider says was applied, and once each: nothing else could have moved these payouts.
        #expect(
            try await fleet.texts(
                """
                SELECT actor || ' ' || count(*) FROM payout_event WHERE to_state = 'paid' GROUP BY actor
                """)
                == ["webhook \(payouts)"])
        #expect(try await fleet.texts("SELECT kind FROM reconciliation_break") == [])
        #expect(after - before < growthKibibytesMaximum, "\(before) KiB before, \(after) KiB after")
        print(
            """
            webhook flood: \(genuine.count) genuine (\(expected) events), \(deliveries.count - genuine.count) forged, \
            \(Int(Double(deliveries.count - warmUp) / seconds)) deliveries/s, memory \(before / 1_024) MiB before and \
            \(after / 1_024) MiB after
            """)
    }

    private struct Delivery: Sendable {
        let event: SignedEvent
        let isGenuine: Bool
    }

    private struct Subject: Sendable {
        let provider: String
        let account: String
        let objectID: String
    }

    /// Payouts that the providers have paid, which nobody here knows yet.
    private static func submit(_ run: RunningFleet) async throws -> [Subject] {
        var orders: [PaymentFleet.Order] = []
        for index in 0..<payouts {
            var order = PaymentFleet.Order(affiliateID: "flood-\(index)", account: "acct_flood_\(index)")
            if index % 4 == 0 {
                order.provider = "circle"
                order.account = try await run.fleet.recipient(index)
            }
            await run.fleet.setFaults([], webhooks: .missing, of: order)
            orders.append(order)
        }
        // Later than the one question that follows a submission.
        await run.fleet.settle(afterMilliseconds: 3_000)
        let payer = try await run.fleet.startPayer()
        let ids = try await run.fleet.request(orders, batch: "flood")
        try await wait(for: "all to be submitted", within: .seconds(60)) {
            try await run.fleet.texts("SELECT '1' FROM payout WHERE state NOT IN ('submitted', 'in_transit')").isEmpty
        }
        await run.fleet.fleet.stop(payer)
        try await wait(for: "the providers to be done", within: .seconds(60)) { await run.fleet.areSettled }
        var subjects: [Subject] = []
        for (order, id) in zip(orders, ids) {
            let objectID = try await run.objectID(of: id)
            subjects.append(Subject(provider: order.provider, account: order.account, objectID: objectID))
        }
        return subjects
    }

    /// A tenth of them comes a second time.
    private static func makeGenuine(about subjects: [Subject]) -> [SignedEvent] {
        let events = (0..<(size - size / 10)).map { event("genuine_\($0)", about: subjects[$0 % subjects.count]) }
        return events + events.prefix(size / 10)
    }

    private static func event(_ id: String, about subject: Subject) -> SignedEvent {
        subject.provider == "stripe"
            ? .stripe(id, account: subject.account, objectID: subject.objectID)
            : .circle(id, objectID: subject.objectID)
    }

    private static func makeForged(about subjects: [Subject]) -> [Delivery] {
        let changes = WebhookFaultTests.ofStripe + malformed
        let circleChanges = WebhookFaultTests.ofCircle + malformed
        return (0..<size).map { index in
            let event = event("forged_\(index)", about: subjects[index % subjects.count])
            let made = event.path.hasSuffix("circle") ? circleChanges : changes
            return Delivery(event: made[index / 16 % made.count].make(event), isGenuine: false)
        }
    }

    /// Signed as it should be, and no event.
    private static let malformed = [
        WebhookFaultTests.Forgery(testDescription: "no JSON") { $0.with(body: "payout.paid") },
        WebhookFaultTests.Forgery(testDescription: "no object") { $0.with(body: "[]") },
        WebhookFaultTests.Forgery(testDescription: "cut") { $0.with(body: String($0.body.dropLast())) },
        WebhookFaultTests.Forgery(testDescription: "nested") {
            $0.with(body: String(repeating: "[", count: 10_000))
        },
    ]

    /// - Returns: what was answered otherwise than it should be, a few of them.
    private static func send(_ deliveries: [Delivery], to run: RunningFleet) async throws -> [String] {
        try await withThrowingTaskGroup(of: String?.self) { group in
            var wrong: [String] = []
            for (number, delivery) in deliveries.enumerated() {
                if number >= concurrency, let answer = try await group.next() { answer.map { wrong.append($0) } }
                group.addTask {
                    let status = try await run.post(delivery.event)
                    let isRight = delivery.isGenuine ? status == 200 : (400..<500).contains(status)
                    return isRight ? nil : "\(status) for \(delivery.event.body.prefix(200))"
                }
            }
            for try await answer in group { answer.map { wrong.append($0) } }
            return Array(wrong.prefix(10))
        }
    }

    private static func memoryKibibytes(of process: ChildProcess) -> Int {
        let status = (try? String(contentsOfFile: "/proc/\(process.processID)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line?.split(separator: " ").compactMap { Int($0) }.first ?? 0
    }
}

extension SignedEvent {
    /// The same signer, another body.
    func with(body: String) -> SignedEvent {
        var event = self
        event.body = body
        return event
    }
}

extension SplitMix64 {
    fileprivate mutating func shuffle<Element>(_ elements: inout [Element]) {
        for index in elements.indices.dropFirst().reversed() { elements.swapAt(index, below(index + 1)) }
    }
}

extension PaymentFleet {
    func settle(afterMilliseconds milliseconds: Int64) async {
        var control = FakeStripeControl()
        control.settleAfterMilliseconds = milliseconds
        await fake.apply(control)
        var circleControl = FakeCircleControl()
        circleControl.settleAfterMilliseconds = milliseconds
        await circle.apply(circleControl)
    }

    /// Whether both providers have paid all that they accepted.
    var areSettled: Bool {
        get async {
            let stripe = await fake.acceptances.filter { $0.object == "payout" }
            for payout in stripe where await fake.status(of: payout.id) != "paid" { return false }
            for payout in await circle.acceptances where await circle.status(of: payout.id) != "complete" {
                return false
            }
            return true
        }
    }
}
