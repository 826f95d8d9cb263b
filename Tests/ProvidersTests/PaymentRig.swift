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
import Synchronization
import Testing
import WorkerRuntime

/// The payer's and the reconciler's own code between a real database and a fake Stripe that is called over HTTP.
struct PaymentRig: PaymentBench {
    static let amountMinor: Int64 = 2_500
    /// Short waits, which the clock passes; the life of a key as it is.
    static let schedule = PayoutSchedule(
        retryDelaysSeconds: [2], newAttemptDelaySeconds: 5, attemptsMaximum: 3, keyLifetimeSeconds: 20 * 3_600,
        leaseSeconds: 60, returnWindowDays: 14)

    let database: TestDatabase
    let fake: FakeStripe
    let clock: ForwardClock
    let dispatcher: PayoutDispatcher
    let reconciler: Reconciler
    private let client: HTTPClient

    /// - Parameters:
    ///   - webhooks: what goes wrong with every account's webhooks.
    ///   - pollSeconds: between two questions about a payout under way.
    ///   - isSimulated: the clocks of both sides stand still unless the test sets them on.
    ///   - database: an empty one; nil: one of its own.
    static func with(
        webhooks: WebhookFault = .none, pollSeconds: Int64 = 86_400, isSimulated: Bool = false,
        on database: TestDatabase? = nil, _ change: (inout FakeStripeSettings) -> Void = { _ in },
        _ body: (PaymentRig) async throws -> Void
    ) async throws {
        guard let database else {
            try await TestDatabase.with { database in
                try await with(
                    webhooks: webhooks, pollSeconds: pollSeconds, isSimulated: isSimulated, on: database, change, body)
            }
            return
        }
        var settings = FakeStripeSettings()
        settings.settleAfter = .milliseconds(10)
        settings.slowness = .milliseconds(1_500)
        settings.webhookFaults = ["*": webhooks]
        change(&settings)
        let rig = try await PaymentRig(
            database, settings, pollSeconds: pollSeconds, clock: ForwardClock(isFrozen: isSimulated))
        do {
            try await body(rig)
        } catch {
            try await rig.stop()
            throw error
        }
        try await rig.stop()
    }

    private init(
        _ database: TestDatabase, _ settings: FakeStripeSettings, pollSeconds: Int64, clock: ForwardClock
    ) async throws {
        let receiver = WebhookReceiver(
            pool: database.pool, secrets: [.platform: [settings.platformSecret], .connect: [settings.connectSecret]],
            isLive: false, pulse: Pulse(every: .seconds(3_600)),
            clock: { clock.isFrozen ? clock.now : systemNow() }, metrics: Metrics(), logger: .silent)
        let made: (@Sendable () -> Timestamp)? = clock.isFrozen ? { @Sendable in clock.now } : nil
        let fake = try await FakeStripe.start(
            settings,
            deliver: { delivery in
                await receiver.receive(
                    delivery.body, signature: delivery.signature, endpoint: delivery.isConnect ? .connect : .platform
                ).status
            }, clock: made, logger: .silent)
        let client = StripeConnect.makeClient()
        self.database = database
        self.fake = fake
        self.client = client
        self.clock = clock
        dispatcher = try PaymentRig.makeDispatcher(fake, client, clock, pool: database.pool)
        reconciler = Reconciler(
            provider: try PaymentRig.makeStripe(fake, client), pool: database.pool,
            pulse: Pulse(every: .seconds(3_600)), intervalSeconds: pollSeconds,
            readsPerSecond: clock.isFrozen ? 100_000 : 100, clock: { clock.now }, metrics: Metrics(),
            logger: .silent)
    }

    private func stop() async throws {
        await fake.stop()
        try await client.shutdown()
    }

    /// Another payer on the same database.
    func makeDispatcher(apiKey: String = FakeStripe.apiKey, pool: PostgresPool? = nil) throws -> PayoutDispatcher {
        try PaymentRig.makeDispatcher(fake, client, clock, apiKey: apiKey, pool: pool ?? database.pool)
    }

    private static func makeDispatcher(
        _ fake: FakeStripe, _ client: HTTPClient, _ clock: ForwardClock, apiKey: String = FakeStripe.apiKey,
        pool: PostgresPool
    ) throws -> PayoutDispatcher {
        PayoutDispatcher(
            provider: try makeStripe(fake, client, apiKey: apiKey), pool: pool,
            sendsPerSecond: clock.isFrozen ? 100_000 : 100,
            clock: { clock.now }, metrics: Metrics(), logger: .silent)
    }

    /// The provider as payer and reconciler call it.
    func makeStripe() throws -> StripeConnect { try PaymentRig.makeStripe(fake, client) }

    private static func makeStripe(
        _ fake: FakeStripe, _ client: HTTPClient, apiKey: String = FakeStripe.apiKey
    ) throws -> StripeConnect {
        StripeConnect(
            configuration: try StripeConfiguration(baseURL: fake.baseURL, apiKey: apiKey, isLive: false),
            client: client, schedule: schedule, requestTimeoutSeconds: 1)
    }
}

extension PaymentRig {
    /// Lets an affiliate earn, plans the payout, and hands its request to the payer.
    @discardableResult
    func request(
        _ affiliateID: String = "a", account: String = "acct_a", amountMinor: Int64 = amountMinor,
        batch: String = "first"
    ) async throws -> Identifier {
        let now = clock.now
        let payoutIDs = try await database.pool.transaction { (transaction) throws(PostgresError) in
            try EarnedMoney.earn(
                affiliateID, account: account, amountMinor: amountMinor, occasion: batch, in: transaction)
            return try EarnedMoney.plan(batch: batch, at: now, in: transaction)
        }
        try await deliverRequests()
        return try #require(payoutIDs.first)
    }

    /// Gives every request that was ever made to the payer's stage, as a topic that is read from its start does.
    func deliverRequests() async throws {
        let stage = PayerStage(providers: [try PaymentRig.makeStripe(fake, client), ManualProvider()])
        let now = clock.now
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
    }

    /// What the provider executed for a payout: `transfer 2500`, `payout 2500`.
    func acceptances(of payoutID: Identifier) async -> [String] {
        await fake.acceptances.filter { $0.payoutID == payoutID.description }.map { "\($0.object) \($0.amount)" }
    }
}

/// What a rig of any provider has, and what is asked of it.
protocol PaymentBench: Sendable {
    var database: TestDatabase { get }
    var clock: ForwardClock { get }
    var dispatcher: PayoutDispatcher { get }
    var reconciler: Reconciler { get }
}

extension PaymentBench {
    /// Lets payer and reconciler work, and the clock run on, until it is so.
    func work(until awaited: String, _ isSo: () async throws -> Bool) async throws {
        try await wait(for: awaited, within: .seconds(30), every: .milliseconds(10)) {
            if try await isSo() { return true }
            let dispatched = try await dispatcher.runOnce()
            let reconciled = try await reconciler.runOnce()
            if dispatched.sent == 0, reconciled.isIdle { clock.advance(seconds: 1) }
            return false
        }
    }

    func work(until state: PayoutState, of payoutID: Identifier) async throws {
        try await work(until: "\(payoutID) to be \(state.rawValue)") { try await self.state(of: payoutID) == state }
    }

    func state(of payoutID: Identifier) async throws -> PayoutState? {
        let states = try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query("SELECT state FROM payout WHERE payout_id = $1", .uuid(payoutID.value)) { row in
                try row.text(0)
            }
        }
        return states.first.flatMap { PayoutState(rawValue: $0) }
    }

    /// The states that a payout went through.
    func history(of payoutID: Identifier) async throws -> [String] {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                "SELECT to_state FROM payout_event WHERE payout_id = $1 ORDER BY payout_event_id",
                .uuid(payoutID.value)
            ) { row in try row.text(0) }
        }
    }

    /// The first column of every row, as a text.
    func texts(_ statement: Statement) async throws -> [String] {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(statement) { row in try row.text(0) }
        }
    }

    func run(_ statement: Statement) async throws {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            _ = try transaction.run(statement)
        }
    }

    /// What others were told about the ends of payouts, in order.
    func settlements() async throws -> [String] {
        try await texts(
            """
            SELECT convert_from(payload, 'UTF8')::jsonb -> 'data' ->> 'outcome' FROM outbox
            WHERE out_topic = 'payouts.settled' ORDER BY out_seq
            """)
    }
}

/// The wall clock, or one that stands still, set ahead by a test that would otherwise wait.
final class ForwardClock: Sendable {
    private let start: Timestamp?
    private let aheadSeconds = Mutex<Int64>(0)

    init(isFrozen: Bool = false) { start = isFrozen ? systemNow() : nil }

    var isFrozen: Bool { start != nil }

    var now: Timestamp { (start ?? systemNow()).adding(seconds: aheadSeconds.withLock { $0 }) }

    func advance(seconds: Int64) { aheadSeconds.withLock { $0 += seconds } }
}

extension Logger {
    /// A logger that says nothing.
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

extension FakeStripe {
    /// Transfers 100 cents, as somebody does in the provider's dashboard.
    ///
    /// - Returns: the HTTP status.
    func transferByHand(to account: String, key: String? = nil) async throws -> UInt {
        var request = HTTPClientRequest(url: baseURL + "/v1/transfers")
        request.method = .POST
        request.headers.add(name: "Authorization", value: "Bearer \(FakeStripe.apiKey)")
        if let key { request.headers.add(name: "Idempotency-Key", value: key) }
        request.body = .bytes(ByteBuffer(string: "amount=100&currency=usd&destination=\(account)"))
        return try await HTTPClient.shared.execute(request, timeout: .seconds(10)).status.code
    }
}
