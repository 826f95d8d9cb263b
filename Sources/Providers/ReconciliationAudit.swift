public import Domain
import Events
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// What one audit found.
public struct AuditRound: Hashable, Sendable {
    public internal(set) var transfers = 0
    public internal(set) var accounts = 0
    /// Payouts that were paid by hand and whose time for a return is over.
    public internal(set) var final = 0
    /// The provider did not answer everything; the next audit asks again.
    public internal(set) var isPartial = false
}

/// Compares everything with everything, which single payouts do not need: the provider's list of transfers with the
/// attempts, its balances with the ledger, reserves with open payouts, and moves with webhooks.
public struct ReconciliationAudit: Service {
    /// A transfer that changed is seen again though it was made days ago.
    private static let windowDays: Int32 = 7
    /// Pages of a listing of one audit.
    private static let pagesMaximum = 100
    private static let payoutsPerPage = 500

    private let stripe: StripeConnect
    private let circle: CircleMint?
    private let pool: PostgresPool
    private let pulse: Pulse
    private let limiter: RateLimiter
    private let accountsMaximum: Int
    private let place = ListingPlace<AccountBalance>()
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger

    /// - Parameters:
    ///   - circle: nil: nobody is paid over it.
    ///   - pulse: how often it looks.
    ///   - readsPerSecond: beside those of the reconciler, fewer than the provider allows.
    ///   - accountsMaximum: whose balances one audit compares; the next goes on behind them.
    public init(
        stripe: StripeConnect, circle: CircleMint? = nil, pool: PostgresPool,
        pulse: Pulse = Pulse(every: .seconds(3_600)),
        readsPerSecond: Int = 5, accountsMaximum: Int = 500, clock: @escaping @Sendable () -> Timestamp = systemNow,
        logger: Logger
    ) {
        self.stripe = stripe
        self.circle = circle
        self.pool = pool
        self.pulse = pulse
        self.accountsMaximum = accountsMaximum
        self.clock = clock
        self.logger = logger
        limiter = RateLimiter(perSecond: readsPerSecond, burst: readsPerSecond)
    }

    public func run() async throws {
        try await pulse.run {
            do {
                let round = try await runOnce()
                logger.info("books compared", metadata: [LogKey.count: "\(round.accounts)"])
            } catch let error as PostgresError {
                logger.warning("audit failed", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    /// One audit.
    public func runOnce() async throws -> AuditRound {
        var round = AuditRound()
        try await compareTransfers(&round)
        try await compareBalances(&round)
        try await compareOwnBalance(of: stripe.name, &round) { await stripe.balance(of: nil) }
        if let circle {
            try await compareOwnBalance(of: circle.name, &round) { await circle.balance() }
        }
        let now = clock()
        try await pool.transaction { (transaction) throws(PostgresError) in
            try AuditStore.compareReserves(at: now, in: transaction)
            try AuditStore.reportMissingWebhooks(at: now, in: transaction)
        }
        round.final = try await finalizeManual(at: now)
        return round
    }

    /// No provider says that what people paid is final: its time does.
    private func finalizeManual(at now: Timestamp) async throws(PostgresError) -> Int {
        var final = 0
        for _ in 0..<Self.pagesMaximum {
            let page = try await pool.transaction { (transaction) throws(PostgresError) in
                let days = try SettingStore.value(of: .manualFinalDays, in: transaction)
                return try PayoutStore.finalize(
                    provider: ManualProvider().name, after: Int32(clamping: days), limit: Self.payoutsPerPage, at: now,
                    in: transaction)
            }
            final += page
            if page < Self.payoutsPerPage { break }
        }
        return final
    }

    private func compareTransfers(_ round: inout AuditRound) async throws {
        var cursor: String?
        for _ in 0..<Self.pagesMaximum {
            guard !Task.isShuttingDownGracefully else { return }
            try await limiter.take()
            let now = clock()
            guard let page = await stripe.transfers(since: now.adding(days: -Self.windowDays), after: cursor, at: now)
            else {
                round.isPartial = true
                return
            }
            let stripe = stripe
            try await pool.transaction { (transaction) throws(PostgresError) in
                for observation in page.observations {
                    _ = try PayoutStore.apply(
                        observation, source: "search", at: now, makeAttempt: stripe.makeAttempt, in: transaction)
                }
            }
            round.transfers += page.observations.count
            guard let next = page.next else { return }
            cursor = next
        }
        round.isPartial = true
    }

    private func compareBalances(_ round: inout AuditRound) async throws {
        let (provider, limit, now) = (stripe.name, accountsMaximum, clock())
        let last = place.last
        let accounts = try await pool.transaction { (transaction) throws(PostgresError) in
            try AuditStore.quietAccounts(provider: provider, after: last, limit: limit, at: now, in: transaction)
        }
        for account in accounts {
            guard !Task.isShuttingDownGracefully else { return }
            try await limiter.take()
            guard let there = await stripe.balance(of: account.account) else {
                round.isPartial = true
                continue
            }
            round.accounts += 1
            try await pool.transaction { (transaction) throws(PostgresError) in
                try AuditStore.compare(
                    account, there: there[account.money.currency.code.lowercased()] ?? 0, at: now, in: transaction)
            }
        }
        // Behind the last of all comes the first again.
        place.last = accounts.count < limit ? nil : accounts.last
    }

    /// Compares what the company has at a provider with the books, while nothing is on its way there.
    private func compareOwnBalance(
        of provider: String, _ round: inout AuditRound, _ ask: () async -> [String: Int64]?
    ) async throws {
        let before = try await pool.transaction { (transaction) throws(PostgresError) in
            try AuditStore.ownBalance(of: provider, in: transaction)
        }
        guard let before else { return }
        try await limiter.take()
        guard let there = await ask() else {
            round.isPartial = true
            return
        }
        let now = clock()
        try await pool.transaction { (transaction) throws(PostgresError) in
            // What moved meanwhile may be in the answer or not: the next audit asks again.
            guard try AuditStore.ownBalance(of: provider, in: transaction) == before else { return }
            try AuditStore.compareOwn(before, of: provider, there: there, at: now, in: transaction)
        }
    }
}

extension CircleMint {
    /// What the company has at Circle, in minor units by lower-case currency.
    ///
    /// - Returns: nil if the provider does not answer.
    func balance() async -> [String: Int64]? {
        guard case .success(let tree) = await http.ask(makeRequest(.GET, "/v1/businessAccount/balances")) else {
            return nil
        }
        let amounts = (tree["data"]?["available"]?.array ?? []) + (tree["data"]?["unsettled"]?.array ?? [])
        return amounts.compactMap { CircleObjects.amount($0) }.reduce(into: [:]) { sums, amount in
            sums[amount.currency.code.lowercased(), default: 0] += amount.minorUnits
        }
    }
}

extension StripeConnect {
    /// One page of the platform's transfers, newest first.
    ///
    /// - Returns: nil if the provider does not answer.
    func transfers(
        since: Timestamp, after cursor: String?, at now: Timestamp
    ) async -> (observations: [ProviderObservation], next: String?)? {
        let from = since.seconds(since: Timestamp(secondsSinceEpoch: 0))
        let page = cursor.map { "&starting_after=\($0)" } ?? ""
        let path =
            "/v1/transfers?created[gte]=\(from)&limit=\(StripeConnect.pageSize)"
            + "&expand[0]=data.balance_transaction\(page)"
        guard case .success(let tree) = await get(path, account: nil) else { return nil }
        let objects = tree["data"]?.array ?? []
        let last = objects.last?["id"]?.string
        let hasMore = tree["has_more"]?.bool == true && last.map(StripeConnect.isObjectID) == true
        return (
            objects.compactMap {
                StripeObjects.observation($0, account: "", isLive: configuration.isLive, observedAt: now)
            }, hasMore ? last : nil
        )
    }

    /// What lies on a connected account, available or pending, in minor units by lower-case currency.
    ///
    /// - Parameter account: nil for the platform's own.
    /// - Returns: nil if the provider does not answer.
    func balance(of account: String?) async -> [String: Int64]? {
        guard case .success(let tree) = await get("/v1/balance", account: account) else { return nil }
        let amounts = (tree["available"]?.array ?? []) + (tree["pending"]?.array ?? [])
        return amounts.reduce(into: [:]) { sums, amount in
            guard let currency = amount["currency"]?.string, let minor = amount["amount"]?.integer else { return }
            sums[currency, default: 0] += minor
        }
    }
}
