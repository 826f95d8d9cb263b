import Domain
import Events
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// Asks Stripe for the events whose delivery failed, and takes each in as if it had come.
///
/// An endpoint that was away for days is given up; what happened meanwhile is kept there for a month. The platform's
/// are asked for in every round, and those of connected accounts with payouts at the bank in turn.
public struct StripeEvents: Service {
    /// Connected accounts of one round.
    private static let accountsMaximum = 50
    private static let pagesMaximum = 10
    /// As long as Stripe keeps events.
    private static let windowDays: Int32 = 30

    private let stripe: StripeConnect
    private let pool: PostgresPool
    private let pulse: Pulse
    private let found: Pulse
    private let limiter: RateLimiter
    private let place = ListingPlace<String>()
    private let clock: @Sendable () -> Timestamp
    private let metrics: Metrics
    private let logger: Logger

    /// - Parameters:
    ///   - pulse: how often it asks.
    ///   - found: rung when there was something.
    ///   - readsPerSecond: beside those of the reconciler, fewer than the provider allows.
    public init(
        stripe: StripeConnect, pool: PostgresPool, pulse: Pulse, found: Pulse, readsPerSecond: Int = 5,
        clock: @escaping @Sendable () -> Timestamp = systemNow, metrics: Metrics, logger: Logger
    ) {
        self.stripe = stripe
        self.pool = pool
        self.pulse = pulse
        self.found = found
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
        limiter = RateLimiter(perSecond: readsPerSecond, burst: readsPerSecond)
        metrics.declare("webhooks_missed_total", .counter, "Events that no webhook told of, by the account's kind.")
    }

    public func run() async throws {
        try await pulse.run {
            do { try await runOnce() } catch let error as PostgresError {
                logger.warning("events not read", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    /// - Returns: how many events it took in.
    @discardableResult
    public func runOnce() async throws -> Int {
        let last = place.last
        let accounts = try await pool.transaction { (transaction) throws(PostgresError) in
            try PayoutStore.accountsAtBank(
                provider: stripe.name, after: last ?? "", limit: StripeEvents.accountsMaximum, in: transaction)
        }
        var taken = try await take(of: nil)
        for account in accounts { taken += try await take(of: account) }
        place.last = accounts.count < StripeEvents.accountsMaximum ? nil : accounts.last
        if taken > 0 { found.ring() }
        return taken
    }

    /// - Parameter account: nil for the platform's own.
    private func take(of account: String?) async throws -> Int {
        var taken = 0
        var cursor: String?
        for _ in 0..<StripeEvents.pagesMaximum {
            guard !Task.isShuttingDownGracefully else { return taken }
            try await limiter.take()
            let now = clock()
            // Without an answer the next round asks again.
            guard
                let page = await stripe.missedEvents(
                    of: account, since: now.adding(days: -StripeEvents.windowDays), after: cursor)
            else { return taken }
            let new = try await pool.transaction { (transaction) throws(PostgresError) in
                try WebhookInboxStore.store(page.notices, at: now, in: transaction)
            }
            metrics.add(
                Double(new), to: "webhooks_missed_total", [("account", account == nil ? "platform" : "connected")])
            taken += new
            guard let next = page.next else { return taken }
            cursor = next
        }
        return taken
    }
}

extension StripeConnect {
    /// One page of events whose delivery failed, newest first.
    ///
    /// - Parameter account: nil for the platform's own.
    /// - Returns: nil if the provider does not answer.
    func missedEvents(
        of account: String?, since: Timestamp, after cursor: String?
    ) async -> (notices: [WebhookNotice], next: String?)? {
        let from = since.seconds(since: Timestamp(secondsSinceEpoch: 0))
        let page = cursor.map { "&starting_after=\($0)" } ?? ""
        let kind = account == nil ? "transfer" : "payout"
        let path =
            "/v1/events?type=\(kind).*&delivery_success=false&created[gte]=\(from)"
            + "&limit=\(StripeConnect.pageSize)\(page)"
        guard case .success(let tree) = await get(path, account: account) else { return nil }
        let events = tree["data"]?.array ?? []
        let last = events.last?["id"]?.string
        let hasMore = tree["has_more"]?.bool == true && last.map(StripeConnect.isObjectID) == true
        return (
            events.filter { $0["livemode"]?.bool == configuration.isLive }.compactMap {
                WebhookNotice(missed: $0, of: account ?? "")
            }, hasMore ? last : nil
        )
    }
}
