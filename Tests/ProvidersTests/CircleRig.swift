import AsyncHTTPClient
import DevKit
import Domain
import Events
import Kafka
import Logging
import NIOCore
import Postgres
import Providers
import Storage
import Testing
import WorkerRuntime

/// The payer's and the reconciler's own code between a real database and a fake Circle that is called over HTTP.
struct CircleRig: PaymentBench {
    static let schedule = PayoutSchedule(
        retryDelaysSeconds: [2], newAttemptDelaySeconds: 5, attemptsMaximum: 3, keyLifetimeSeconds: 29 * 86_400,
        leaseSeconds: 60, returnWindowDays: 0)

    let database: TestDatabase
    let fake: FakeCircle
    let clock: ForwardClock
    let dispatcher: PayoutDispatcher
    let reconciler: Reconciler
    let sweep: CircleSweep
    let circle: CircleMint
    /// Addresses of the address book, which may be paid.
    let recipients: [String]
    private let client: HTTPClient

    /// - Parameters:
    ///   - recipients: how many addresses the address book has.
    ///   - webhooks: what goes wrong with every recipient's webhooks.
    ///   - pollSeconds: between two questions about a payout under way.
    ///   - isSimulated: the clocks of both sides stand still unless the test sets them on.
    ///   - database: an empty one; nil: one of its own.
    static func with(
        recipients: Int = 1, webhooks: WebhookFault = .none, pollSeconds: Int64 = 86_400, isSimulated: Bool = false,
        on database: TestDatabase? = nil, _ control: FakeCircleControl = FakeCircleControl(),
        _ body: (CircleRig) async throws -> Void
    ) async throws {
        guard let database else {
            try await TestDatabase.with { database in
                try await with(
                    recipients: recipients, webhooks: webhooks, pollSeconds: pollSeconds, isSimulated: isSimulated,
                    on: database, control, body)
            }
            return
        }
        var settings = FakeCircleSettings()
        settings.settleAfter = .milliseconds(10)
        settings.activateAfter = .zero
        settings.slowness = .milliseconds(1_500)
        settings.webhookFaults = ["*": webhooks]
        let rig = try await CircleRig(
            database, settings, recipients: recipients, pollSeconds: pollSeconds,
            clock: ForwardClock(isFrozen: isSimulated))
        await rig.fake.apply(control)
        do {
            try await body(rig)
        } catch {
            try await rig.stop()
            throw error
        }
        try await rig.stop()
    }

    private init(
        _ database: TestDatabase, _ settings: FakeCircleSettings, recipients: Int, pollSeconds: Int64,
        clock: ForwardClock
    ) async throws {
        let client = StripeConnect.makeClient()
        let inbox = Inbox()
        let made: (@Sendable () -> Timestamp)? = clock.isFrozen ? { @Sendable in clock.now } : nil
        let fake = try await FakeCircle.start(
            settings, deliver: { delivery in await inbox.receive(delivery) }, clock: made, logger: .silent)
        let circle = try CircleRig.makeCircle(fake, client)
        await inbox.open(
            WebhookReceiver(
                pool: database.pool, secrets: [:],
                circle: .init(keys: CircleKeys(circle), pulse: Pulse(every: .seconds(3_600))), isLive: false,
                pulse: Pulse(every: .seconds(3_600)), clock: { clock.isFrozen ? clock.now : systemNow() },
                metrics: Metrics(), logger: .silent))
        self.database = database
        self.fake = fake
        self.client = client
        self.clock = clock
        self.circle = circle
        let perSecond = clock.isFrozen ? 100_000 : 100
        dispatcher = PayoutDispatcher(
            provider: circle, pool: database.pool, sendsPerSecond: perSecond, clock: { clock.now }, metrics: Metrics(),
            logger: .silent)
        reconciler = Reconciler(
            provider: circle, pool: database.pool, pulse: Pulse(every: .seconds(3_600)),
            intervalSeconds: pollSeconds, readsPerSecond: perSecond, clock: { clock.now }, metrics: Metrics(),
            logger: .silent)
        sweep = CircleSweep(
            circle: circle, pool: database.pool, pulse: Pulse(every: .seconds(3_600)), readsPerSecond: perSecond,
            clock: { clock.now }, logger: .silent)
        var ids: [String] = []
        for index in 0..<recipients {
            ids.append(
                try await CircleRig.enter(index, at: circle) { if clock.isFrozen { await fake.turn() } })
        }
        self.recipients = ids
    }

    private func stop() async throws {
        await fake.stop()
        try await client.shutdown()
    }

    /// Another dispatcher on the same database, with another key.
    func makeDispatcher(apiKey: String) throws -> PayoutDispatcher {
        let clock = clock
        return PayoutDispatcher(
            provider: try CircleRig.makeCircle(fake, client, apiKey: apiKey), pool: database.pool, sendsPerSecond: 100,
            clock: { clock.now }, metrics: Metrics(), logger: .silent)
    }

    /// Compares the books with Circle alone: nobody is at Stripe's address.
    func audit() async throws {
        let nobody = StripeConnect(
            configuration: try StripeConfiguration(
                baseURL: "http://127.0.0.1:1", apiKey: FakeStripe.apiKey, isLive: false), client: client)
        let clock = clock
        _ = try await ReconciliationAudit(
            stripe: nobody, circle: circle, pool: database.pool, readsPerSecond: 100, clock: { clock.now },
            logger: .silent
        ).runOnce()
    }

    /// Orders a payout as somebody else with our key would.
    func order(_ body: String) async throws { try await post(body, to: "/v1/payouts") }

    /// Enters an address as somebody else with our key would.
    func enterByHand(_ address: String) async throws {
        try await post(
            #"{"idempotencyKey":"0f8fad5b-d9cb-469f-a165-70867728950e","chain":"BASE","address":"\#(address)"}"#,
            to: "/v1/addressBook/recipients")
    }

    private func post(_ body: String, to path: String) async throws {
        var request = HTTPClientRequest(url: fake.baseURL + path)
        request.method = .POST
        request.headers.add(name: "Authorization", value: "Bearer \(FakeCircle.apiKey)")
        request.body = .bytes(ByteBuffer(string: body))
        #expect(try await client.execute(request, timeout: .seconds(5)).status == .created)
    }

    static func makeCircle(
        _ fake: FakeCircle, _ client: HTTPClient, apiKey: String = FakeCircle.apiKey
    ) throws -> CircleMint {
        CircleMint(
            configuration: try CircleConfiguration(
                baseURL: fake.baseURL, apiKey: apiKey, walletID: FakeCircleSettings().walletID, isLive: false),
            client: client, schedule: schedule, requestTimeoutSeconds: 1)
    }

    /// - Parameter turn: lets the provider's time do its work, where it does not pass by itself.
    /// - Returns: the id of an address that may be paid by now.
    static func enter(
        _ index: Int, at circle: CircleMint, turn: () async -> Void = {}
    ) async throws -> String {
        let address = try USDCAddress(chain: .base, text: addressText(index))
        guard case .found(let recipient) = await circle.enter(address) else { throw RigFailure.recipientRefused }
        try await wait(for: "the recipient to be active", within: .seconds(30), every: .milliseconds(5)) {
            await turn()
            guard case .found(let current) = await circle.recipient(recipient.id) else { return false }
            return current.standing == .active
        }
        return recipient.id
    }

    static func addressText(_ index: Int) -> String {
        let digits = String(0xA0_0000 + index, radix: 16)
        return "0x" + String(repeating: "b", count: 40 - digits.count) + digits
    }

    enum RigFailure: Error {
        case recipientRefused
    }
}

/// Takes deliveries that come before there is a receiver.
private actor Inbox {
    private var receiver: WebhookReceiver?

    func open(_ receiver: WebhookReceiver) { self.receiver = receiver }

    func receive(_ delivery: CircleDelivery) async -> Int {
        let signature = WebhookReceiver.Signature(delivery.signature, keyID: delivery.keyID)
        return await receiver?.receive(delivery.body, signed: signature, endpoint: .circle).status ?? 503
    }
}

extension CircleRig {
    /// Lets an affiliate earn, plans the payout to a recipient, and hands its request to the payer.
    @discardableResult
    func request(
        _ index: Int = 0, amountMinor: Int64 = 2_500, batch: String = "first"
    ) async throws -> Identifier {
        try #require(try await earn(index, amountMinor: amountMinor, batch: batch).first)
    }

    /// Lets an affiliate earn, and plans and prepares what can be paid of it.
    @discardableResult
    func earn(_ index: Int, amountMinor: Int64, batch: String) async throws -> [Identifier] {
        let (now, account) = (clock.now, recipients[index])
        let payoutIDs = try await database.pool.transaction { (transaction) throws(PostgresError) in
            try EarnedMoney.earn(
                "a\(index)", account: account, provider: "circle", amountMinor: amountMinor, occasion: batch,
                in: transaction)
            return try EarnedMoney.plan(batch: batch, at: now, in: transaction)
        }
        let stage = PayerStage(providers: [circle, ManualProvider()])
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            let batch = try EarnedMoney.requests(in: transaction).compactMap { request -> Sourced<PayoutRequested>? in
                let record = Record(
                    source: TopicPartition(topic: stage.topics[0], partition: 0), offset: 0, timestampMilliseconds: 0,
                    key: request.key[...], value: request.value[...])
                guard case .input(let input) = stage.decode(record) else { return nil }
                return Sourced(record: record, input: input)
            }
            _ = try stage.apply(batch, in: transaction, at: now)
        }
        return payoutIDs
    }

    func setFaults(_ faults: [ProviderFault], of recipient: String) async {
        var control = FakeCircleControl()
        control.faults = [recipient: faults]
        await fake.apply(control)
    }

    /// Lets a second go by at Circle, and with it one step of every payout.
    func turn() async {
        clock.advance(seconds: 1)
        await fake.turn()
    }

    /// One round of the reconciler.
    ///
    /// - Returns: how many webhooks about payouts are applied by now.
    func reconcileHints() async throws -> Int {
        _ = try await reconciler.runOnce()
        return try await texts(
            "SELECT event_id FROM webhook_inbox WHERE kind = 'payouts' AND applied_at IS NOT NULL"
        ).count
    }

    /// Proves that the books balance, and that Circle accepted each payout once and holds what we say.
    ///
    /// - Precondition: no send is under way or unknown.
    func checkBooks(_ location: SourceLocation = #_sourceLocation) async throws {
        try await checkBalances(location)
        let sent = try await texts(
            """
            SELECT COALESCE(sum(CASE WHEN credit = 'asset:provider:circle' THEN amount_minor ELSE -amount_minor END), 0)
                ::text
            FROM ledger_posting WHERE 'asset:provider:circle' IN (credit, debit)
            """)
        #expect(sent == [String(await fake.spent("USD"))], "Circle's balance differs", sourceLocation: location)
        let accepted = await fake.acceptances.map(\.id).sorted()
        let recorded = try await texts(
            "SELECT provider_object_id FROM payout_attempt WHERE state = 'accepted' ORDER BY provider_object_id")
        #expect(accepted == recorded, "payouts there and attempts here differ", sourceLocation: location)
        let twice = try await texts(
            """
            SELECT payout_id::text FROM payout_attempt WHERE state = 'accepted' GROUP BY payout_id HAVING count(*) > 1
            """)
        #expect(twice == [], "a payout was accepted twice", sourceLocation: location)
    }
}
