import AsyncHTTPClient
import Domain
import Hummingbird
public import Logging
import ServiceLifecycle

/// A notification to the webhook endpoint, as the fake sends it.
public struct CircleDelivery: Sendable {
    public let body: [UInt8]
    /// The value of `X-Circle-Signature`; new for every try.
    public let signature: String
    /// The value of `X-Circle-Key-Id`.
    public let keyID: String
}

/// A Circle Mint that moves no money: an address book, payouts, keys and signed notifications as the real one has them,
/// with faults on demand. It listens on a free loopback port.
public actor FakeCircle {
    /// Delivers a notification; the answer is the endpoint's HTTP status.
    public typealias Deliver = @Sendable (CircleDelivery) async -> Int

    /// How often it looks at its clock.
    private static let tick: Duration = .milliseconds(20)

    /// The value for CIRCLE_API_BASE.
    public nonisolated let baseURL: String
    /// A key that it accepts.
    public static let apiKey = "TEST_API_KEY:fake:fake"

    var books = FakeCircleBooks()
    var settings: FakeCircleSettings
    private var outbox = WebhookOutbox()
    private let deliver: Deliver?
    private let clock: @Sendable () -> Timestamp
    private let client = HTTPClient(eventLoopGroupProvider: .singleton)
    private let listener: LoopbackListener

    /// Starts listening.
    ///
    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - deliver: takes the notifications instead of the address of the settings.
    ///   - clock: its time, which then stands still between two calls of `turn`; nil: the time of the day.
    public static func start(
        _ settings: FakeCircleSettings = FakeCircleSettings(), port: Int = 0, deliver: Deliver? = nil,
        clock: (@Sendable () -> Timestamp)? = nil, logger: Logger
    ) async throws -> FakeCircle {
        let listener = LoopbackListener(logger: logger)
        let routes = FakeCircleRoutes()
        let bound = try await listener.start(routes.router(), port: port)
        let fake = FakeCircle(
            settings, port: bound, deliver: deliver, clock: clock ?? FakeMoment.timeOfDay, listener: listener)
        await routes.serve(fake)
        if clock == nil { await listener.every(tick) { await fake.turn() } }
        return fake
    }

    private init(
        _ settings: FakeCircleSettings, port: Int, deliver: Deliver?, clock: @escaping @Sendable () -> Timestamp,
        listener: LoopbackListener
    ) {
        self.settings = settings
        self.deliver = deliver
        self.clock = clock
        self.listener = listener
        baseURL = "http://127.0.0.1:\(port)"
    }

    /// Ends the server; what was not delivered is lost.
    public func stop() async {
        await listener.stop()
        // Nothing is left to be done about a client that does not end.
        try? await client.shutdown()
    }

    /// Every payout that it accepted, in order.
    public var acceptances: [CircleAcceptance] { books.acceptances }

    /// Minor units that were sent and did not come back.
    public func spent(_ currency: String) -> Int64 { books.spent(currency) }

    /// Notifications that are not delivered yet.
    public var undelivered: Int { outbox.entries.count }

    public func apply(_ control: FakeCircleControl) {
        if let url = control.webhookURL { settings.webhookURL = url }
        if let wait = control.settleAfterMilliseconds { settings.settleAfter = .milliseconds(wait) }
        if let scripts = control.scripts { settings.scripts.merge(scripts) { $1 } }
        if let faults = control.faults { settings.faults.merge(faults) { $1 } }
        if let faults = control.webhookFaults { settings.webhookFaults.merge(faults) { $1 } }
        if let balances = control.balances { settings.balances.merge(balances) { $1 } }
        if let ahead = control.aheadSeconds { settings.aheadSeconds = ahead }
    }

    /// Lets a payout fail that has not ended.
    ///
    /// - Returns: whether there is such a payout.
    @discardableResult
    public func fail(payoutID: String, code: String) -> Bool {
        books.fail(payoutID: payoutID, code: code, now: moment)
    }

    /// A payout's status now.
    public func status(of objectID: String) -> String? { books.payouts.first { $0.id == objectID }?.status }

    func addRecipient(_ body: [UInt8]) -> FakeReply { books.addRecipient(body, settings: settings, now: moment) }

    /// - Parameter recipientID: whose fault it takes.
    func pay(_ body: [UInt8], to recipientID: String) -> FakeReply {
        books.pay(body, fault: settings.faults.take(recipientID), settings: settings, now: moment)
    }

    private var moment: FakeMoment { FakeMoment(clock(), aheadSeconds: settings.aheadSeconds) }

    /// One turn of its clock: payouts move on, notifications go out.
    public func turn() async {
        let now = clock()
        books.advance(to: moment, settings: settings)
        outbox.add(books.takeNotices(), faults: settings.webhookFaults, now: now)
        let (url, deliver, client) = (settings.webhookURL, deliver, client)
        for entry in outbox.takeDue(at: now, canSend: { _ in deliver != nil || url != nil }) {
            let body = entry.notice.body
            let delivery = CircleDelivery(body: body, signature: FakeCircleKey.sign(body), keyID: FakeCircleKey.id)
            let status: Int
            if let deliver {
                status = await deliver(delivery)
            } else {
                let headers = [("X-Circle-Signature", delivery.signature), ("X-Circle-Key-Id", delivery.keyID)]
                status = await WebhookOutbox.post(body, headers: headers, to: url ?? "", with: client)
            }
            if !(200..<300).contains(status) { outbox.retry(entry, at: clock()) }
        }
    }
}
