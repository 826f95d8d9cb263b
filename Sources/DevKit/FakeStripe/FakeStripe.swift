import AsyncHTTPClient
public import Domain
import Hummingbird
public import Logging
import ServiceLifecycle

/// A Stripe that moves no money: transfers, payouts, keys and webhooks as the real one has them, with faults on demand.
///
/// It listens on a free loopback port. Accounts exist as soon as they are named.
public actor FakeStripe {
    /// Delivers a webhook; the answer is the endpoint's HTTP status.
    public typealias Deliver = @Sendable (StripeDelivery) async -> Int

    /// How often it looks at its clock.
    private static let tick: Duration = .milliseconds(20)

    /// The value for STRIPE_API_BASE.
    public nonisolated let baseURL: String
    /// Where it listens.
    public nonisolated let port: Int
    /// A key that it accepts.
    public static let apiKey = "sk_test_fake"

    var books = FakeStripeBooks()
    var settings: FakeStripeSettings
    private var outbox = WebhookOutbox()
    /// Events that no endpoint has taken, in their order.
    private(set) var unheard: [UnheardEvent] = []
    private let deliver: Deliver?
    private let clock: @Sendable () -> Timestamp
    private let client = HTTPClient(eventLoopGroupProvider: .singleton)
    private let listener: LoopbackListener

    /// Starts listening.
    ///
    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - deliver: takes the webhooks instead of the addresses of the settings.
    ///   - clock: its time, which then stands still between two calls of `turn`; nil: the time of the day.
    public static func start(
        _ settings: FakeStripeSettings = FakeStripeSettings(), port: Int = 0, deliver: Deliver? = nil,
        clock: (@Sendable () -> Timestamp)? = nil, logger: Logger
    ) async throws -> FakeStripe {
        let listener = LoopbackListener(logger: logger)
        let routes = FakeStripeRoutes()
        let bound = try await listener.start(routes.router(), port: port)
        let fake = FakeStripe(
            settings, port: bound, deliver: deliver, clock: clock ?? FakeMoment.timeOfDay, listener: listener)
        await routes.serve(fake)
        if clock == nil { await listener.every(tick) { await fake.turn() } }
        return fake
    }

    private init(
        _ settings: FakeStripeSettings, port: Int, deliver: Deliver?, clock: @escaping @Sendable () -> Timestamp,
        listener: LoopbackListener
    ) {
        self.settings = settings
        self.deliver = deliver
        self.clock = clock
        self.listener = listener
        self.port = port
        baseURL = "http://127.0.0.1:\(port)"
    }

    /// Ends the server; what was not delivered is lost.
    public func stop() async {
        await listener.stop()
        // Nothing is left to be done about a client that does not end.
        try? await client.shutdown()
    }

    /// Every movement of money that it executed, in order.
    public var acceptances: [StripeAcceptance] { books.acceptances }

    /// What lies on an account, minor units by lower-case currency.
    public func balance(of account: String) -> [String: Int64] { books.balance(of: account) }

    /// Events that are not delivered yet.
    public var undelivered: Int { outbox.entries.count }

    public func apply(_ control: FakeStripeControl) {
        if let url = control.platformURL { settings.platformURL = url }
        if let url = control.connectURL { settings.connectURL = url }
        if let wait = control.settleAfterMilliseconds { settings.settleAfter = .milliseconds(wait) }
        if let faults = control.faults { settings.faults.merge(faults) { $1 } }
        if let faults = control.webhookFaults { settings.webhookFaults.merge(faults) { $1 } }
        if let balance = control.platformBalance { settings.platformBalance = balance }
        if let ahead = control.aheadSeconds { settings.aheadSeconds = ahead }
    }

    /// A bank sends a payout back, paid or not.
    ///
    /// - Returns: whether there is such a payout.
    @discardableResult
    public func fail(payoutID: String, code: String) -> Bool {
        books.fail(payoutID: payoutID, code: code, now: moment)
    }

    /// Somebody takes a transfer back.
    ///
    /// - Returns: whether there is such a transfer.
    @discardableResult
    public func reverse(transferID: String) -> Bool { books.reverse(transferID: transferID, now: moment) }

    /// Lets a payout that failed be paid all the same, as no real one should.
    public func contradict(payoutID: String) { books.contradict(payoutID: payoutID, now: moment) }

    /// What the platform has left of what it had.
    func platformBalance(of limit: Int64) -> Int64 { books.platformBalance(of: limit) }

    func create(_ creation: FakeCreation) -> FakeReply {
        let account = creation.account.isEmpty ? creation.fields["destination"] ?? "" : creation.account
        let fault = settings.faults.take(account)
        return books.create(creation, fault: fault, settings: settings, now: moment)
    }

    func cancel(payoutID: String, of account: String) -> FakeReply {
        books.cancel(payoutID: payoutID, of: account, now: moment)
    }

    private var moment: FakeMoment { FakeMoment(clock(), aheadSeconds: settings.aheadSeconds) }

    /// When each key was seen first and last.
    public var keySpans: [String: ClosedRange<Timestamp>] { books.keySpans }

    /// The bank payouts by their status now.
    public func status(of objectID: String) -> String? { books.payouts.first { $0.id == objectID }?.status }

    /// One turn of its clock: payouts move on, events go out.
    public func turn() async {
        let now = clock()
        books.advance(to: moment, settings: settings)
        let notices = books.takeEvents()
        unheard += notices.map { UnheardEvent($0, created: moment.seconds) }
        outbox.add(notices, faults: settings.webhookFaults, now: now)
        let (settings, deliver, client) = (settings, deliver, client)
        let due = outbox.takeDue(at: now) { notice in
            deliver != nil || (notice.isConnect ? settings.connectURL : settings.platformURL) != nil
        }
        for entry in due {
            let notice = entry.notice
            let delivery = StripeDelivery(
                notice, secret: notice.isConnect ? settings.connectSecret : settings.platformSecret,
                // Signed by the calendar, whose day the receiver lives in too.
                at: clock().adding(seconds: settings.aheadSeconds))
            let status: Int
            if let deliver {
                status = await deliver(delivery)
            } else {
                let url = notice.isConnect ? settings.connectURL : settings.platformURL
                status = await delivery.post(to: url ?? "", with: client)
            }
            if (200..<300).contains(status) {
                unheard.removeAll { $0.id == notice.eventID }
            } else {
                outbox.retry(entry, at: clock())
            }
        }
    }
}
