public import Domain
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// Brings notifications to mailboxes and endpoints, and tries again what did not arrive.
///
/// Any number of these may run: a delivery is claimed before it is sent. What dies between sending and recording is
/// sent again under the same id, once its lease is over. Deliveries to one endpoint keep no order; they say when what
/// they tell of happened.
public struct NotificationDelivery: Service {
    /// Deliveries of one round: so few that all are over before their lease is, though each were an e-mail, which go
    /// one after another, and took as long as one may.
    static let claimMaximum = Int(DeliveryStore.leaseSeconds) / SMTPMailer.messageSeconds - 1

    private let pool: PostgresPool
    private let mailer: SMTPMailer?
    private let webhooks: WebhookSender
    /// Where the console is, for links; without a slash at its end.
    private let consoleURL: String
    private let pulse: Pulse
    private let clock: @Sendable () -> Timestamp
    private let metrics: Metrics
    private let logger: Logger

    /// - Parameter mailer: nil: no e-mail is sent; each is given up, and the log says why.
    public init(
        pool: PostgresPool, mailer: SMTPMailer?, webhooks: WebhookSender, consoleURL: String,
        pulse: Pulse = Pulse(every: .seconds(1)), clock: @escaping @Sendable () -> Timestamp, metrics: Metrics,
        logger: Logger
    ) {
        self.pool = pool
        self.mailer = mailer
        self.webhooks = webhooks
        self.consoleURL = consoleURL
        self.pulse = pulse
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
    }

    public func run() async throws {
        try await pulse.run("deliveries wait", logger) { () throws(PostgresError) in
            while try await runOnce() == NotificationDelivery.claimMaximum, !Task.isShuttingDownGracefully {}
        }
    }

    /// One round: claim, send, record.
    /// - Returns: how many deliveries were tried.
    public func runOnce() async throws(PostgresError) -> Int {
        let began = clock()
        let claimed = try await pool.transaction { (transaction) throws(PostgresError) in
            try DeliveryStore.claim(limit: NotificationDelivery.claimMaximum, at: began, in: transaction)
        }
        guard !claimed.isEmpty else { return 0 }
        let ended = await send(claimed)
        let now = clock()
        try await pool.transaction { (transaction) throws(PostgresError) in
            try DeliveryStore.settle(ended, at: now, in: transaction)
        }
        for (delivery, result) in ended {
            metrics.add(
                1, to: "notification_deliveries_total",
                [("channel", delivery.recipient.channel), ("outcome", result.word)])
        }
        return claimed.count
    }

    private func send(_ claimed: [Delivery]) async -> [(delivery: Delivery, result: DeliveryResult)] {
        await withTaskGroup(of: (Delivery, DeliveryResult).self) { group in
            for delivery in claimed { group.addTask { (delivery, await send(delivery)) } }
            var ended: [(delivery: Delivery, result: DeliveryResult)] = []
            for await (delivery, result) in group { ended.append((delivery, result)) }
            return ended
        }
    }

    private func send(_ delivery: Delivery) async -> DeliveryResult {
        switch delivery.recipient {
        case .endpoint(_, let url, let secret):
            return await webhooks.send(delivery, to: url, secret: secret, at: clock())
        case .closedMailbox: return .refused(status: nil, error: "its user is disabled")
        case .mailbox(let address, let name):
            guard let mailer else { return .refused(status: nil, error: "no mail server is set") }
            return await mailer.send(
                .about(delivery, to: address, name: name, from: mailer.server.from, consoleURL: consoleURL))
        }
    }
}

extension MailMessage {
    /// The same delivery has the same id at every attempt.
    static func about(
        _ delivery: Delivery, to address: String, name: String, from: String, consoleURL: String
    ) -> MailMessage {
        let domain = from.split(separator: "@").last ?? "tributary"
        let link = delivery.link.isEmpty || consoleURL.isEmpty ? "" : "\n\n\(consoleURL)\(delivery.link)"
        let choice = consoleURL.isEmpty ? "" : " at \(consoleURL)/console/notifications"
        return MailMessage(
            from: from, to: address, subject: delivery.title,
            text: """
                Hello \(name),

                \(delivery.body)\(link)

                -- 
                You can choose which of these mails you get\(choice).

                """,
            messageID: "\(delivery.eventID).\(delivery.deliveryID)@\(domain)", at: delivery.at)
    }
}

extension Delivery.Recipient {
    fileprivate var channel: String {
        switch self {
        case .mailbox, .closedMailbox: "email"
        case .endpoint: "webhook"
        }
    }
}

extension DeliveryResult {
    fileprivate var word: String {
        switch self {
        case .delivered: "delivered"
        case .delayed: "delayed"
        case .refused: "refused"
        case .gone: "gone"
        }
    }
}
