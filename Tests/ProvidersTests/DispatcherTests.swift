import DevKit
import Domain
import Logging
import Postgres
import ServiceLifecycle
import Storage
import Testing
import WorkerRuntime

@testable import Providers

/// The dispatcher as the payer runs it, on and on.
@Suite("The running dispatcher", .timeLimit(.minutes(5))) struct DispatcherTests {
    @Test("A slow reply holds up no other payout, neither those that wait nor one that comes meanwhile")
    func slowReply() async throws {
        try await PaymentRig.with { rig in
            let slow = try await rig.request("slow", account: "acct_slow", batch: "slow")
            for index in 0..<20 { try await rig.request("a\(index)", account: "acct_\(index)", batch: "\(index)") }
            try await Self.run(rig, pulse: Pulse(every: .milliseconds(10)), slow: ["acct_slow"]) { provider, group in
                try await Self.wait(for: 20, rig)
                try await rig.request("late", account: "acct_late", batch: "late")
                try await Self.wait(for: 21, rig)
                let attempts = "SELECT DISTINCT state FROM payout_attempt WHERE account = 'acct_slow'" as Statement
                #expect(try await rig.texts(attempts) == ["sending"])
                provider.mayAnswer.give()
                try await Self.wait(for: 22, rig)
                await group.triggerGracefulShutdown()
            }
            #expect(await rig.acceptances(of: slow) == ["transfer 2500", "payout 2500"])
            #expect(await rig.fake.acceptances.count == 44)
            #expect(try await rig.texts("SELECT DISTINCT send_count::text FROM payout_attempt") == ["1"])
            try await rig.checkBooks()
        }
    }

    @Test("While the replies for most slots are slow, the others send on")
    func mostlySlow() async throws {
        try await PaymentRig.with { rig in
            let slow = (0..<5).map { "acct_slow_\($0)" }
            for (index, account) in (slow + (0..<10).map { "acct_\($0)" }).enumerated() {
                try await rig.request("a\(index)", account: account, batch: "\(index)")
            }
            try await Self.run(rig, pulse: Pulse(every: .milliseconds(10)), slow: Set(slow)) { provider, group in
                try await Self.wait(for: 10, rig)
                #expect(try await rig.texts("SELECT state FROM payout_attempt WHERE state = 'sending'").count == 5)
                provider.mayAnswer.give()
                try await Self.wait(for: 15, rig)
                await group.triggerGracefulShutdown()
            }
            try await rig.checkBooks()
        }
    }

    @Test("Told to stop, it records what is under way and claims nothing more")
    func stop() async throws {
        try await PaymentRig.with { rig in
            try await rig.request("slow", account: "acct_slow", batch: "slow")
            try await Self.run(rig, pulse: Pulse(every: .seconds(3_600)), slow: ["acct_slow"]) { provider, group in
                await provider.wasAsked.wait()
                await group.triggerGracefulShutdown()
                await provider.wasTold.wait()
                try await rig.request("late", account: "acct_late", batch: "late")
                provider.mayAnswer.give()
            }
            #expect(
                try await rig.texts(
                    """
                    SELECT concat_ws(' ', account, operation, state) FROM payout_attempt ORDER BY payout_attempt_id
                    """)
                    == ["acct_slow transfer accepted", "acct_late transfer prepared", "acct_slow payout prepared"])
            try await rig.checkBooks()
        }
    }

    @Test("A refused API key ends it, and what was claimed is as if it had never been sent")
    func refusedKey() async throws {
        try await PaymentRig.with { rig in
            for index in 0..<12 { try await rig.request("a\(index)", account: "acct_\(index)", batch: "\(index)") }
            let refused = try rig.makeDispatcher(apiKey: "sk_test_revoked")
            await #expect(throws: CredentialsRefused.self) { try await refused.run() }
            #expect(try await rig.texts("SELECT DISTINCT state FROM payout_attempt") == ["prepared"])
            #expect(await rig.fake.acceptances.isEmpty)
        }
    }

    /// Runs a dispatcher, whose provider is slow with some accounts, until `body` has it stopped.
    private static func run(
        _ rig: PaymentRig, pulse: Pulse, slow accounts: Set<String>,
        _ body: (SlowProvider, ServiceGroup) async throws -> Void
    ) async throws {
        let provider = SlowProvider(stripe: try rig.makeStripe(), slowAccounts: accounts)
        let dispatcher = PayoutDispatcher(
            provider: provider, pool: rig.database.pool, pulse: pulse, sendsPerSecond: 1_000,
            clock: { rig.clock.now }, metrics: Metrics(), logger: .silent)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [.init(service: dispatcher)], logger: .silent))
        async let stopped: Void = group.run()
        try await body(provider, group)
        try await stopped
    }

    private static func wait(for submitted: Int, _ rig: PaymentRig) async throws {
        try await DevKit.wait(
            for: "\(submitted) to be submitted", within: .seconds(30), every: .milliseconds(10)
        ) {
            try await rig.texts("SELECT payout_id::text FROM payout WHERE state = 'submitted'").count == submitted
        }
    }
}

/// Something that happens once.
private struct Signal: Sendable {
    private let stream: AsyncStream<Void>
    private let end: AsyncStream<Void>.Continuation

    init() { (stream, end) = AsyncStream.makeStream() }

    func give() { end.finish() }

    func wait() async { for await _ in stream {} }
}

/// A provider that does at once what it is asked, and keeps its replies about some accounts until it may answer.
private struct SlowProvider: SendingProvider {
    let stripe: StripeConnect
    let slowAccounts: Set<String>
    let mayAnswer = Signal()
    /// It keeps a reply.
    let wasAsked = Signal()
    /// Who waits for that reply was told to stop.
    let wasTold = Signal()

    func send(_ attempt: ClaimedAttempt, at now: Timestamp) async -> ProviderReply {
        let reply = await stripe.send(attempt, at: now)
        guard slowAccounts.contains(attempt.request.account) else { return reply }
        wasAsked.give()
        await withGracefulShutdownHandler {
            await mayAnswer.wait()
        } onGracefulShutdown: {
            wasTold.give()
        }
        return reply
    }

    var name: String { stripe.name }
    var schedule: PayoutSchedule { stripe.schedule }

    func firstStep(of requested: RequestedPayout) -> FirstStep { stripe.firstStep(of: requested) }

    func makeAttempt(
        _ payout: PayoutRecord, _ operation: PayoutOperation, _ number: Int32, _ amount: Money
    ) -> NewAttempt { stripe.makeAttempt(payout, operation, number, amount) }

    func outcome(of reply: ProviderReply, isFirstSend: Bool) -> ProviderOutcome {
        stripe.outcome(of: reply, isFirstSend: isFirstSend)
    }

    func cancel(_ payoutID: Identifier, objectID: String, account: String) async {
        await stripe.cancel(payoutID, objectID: objectID, account: account)
    }

    func fetch(
        _ operation: PayoutOperation, objectID: String, account: String, at now: Timestamp
    ) async -> ProviderFinding {
        await stripe.fetch(operation, objectID: objectID, account: account, at: now)
    }

    func search(_ check: DueCheck, at now: Timestamp) async -> ProviderFinding {
        await stripe.search(check, at: now)
    }

    func operation(ofNotice kind: String) -> PayoutOperation? { stripe.operation(ofNotice: kind) }
}
