public import Domain
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
import Synchronization
import WorkerRuntime

/// What one round of the dispatcher did.
public struct DispatchRound: Hashable, Sendable {
    public internal(set) var sent = 0
    /// Payouts whose keys expired without proof.
    public internal(set) var handedOver = 0
    public internal(set) var outcomes: [String: Int] = [:]
    public internal(set) var credentialsRefused = false
}

/// The provider refuses our key: sending more would only repeat that.
public struct CredentialsRefused: Error, CustomStringConvertible {
    public let description = "The provider refuses the API key."
}

/// Sends due attempts: claim and commit first, then send, then record what the reply proves.
///
/// Any number of dispatchers may run. An attempt has one owner until its lease ends; who claims it afterwards sends the
/// same bytes under the same key, so that a crash at any point costs a repeated request and never a second payment.
public struct PayoutDispatcher: Service {
    private let provider: any SendingProvider
    private let pool: PostgresPool
    private let pulse: Pulse
    private let limiter: RateLimiter
    private let concurrency: Int
    private let clock: @Sendable () -> Timestamp
    private let metrics: Metrics
    private let logger: Logger

    /// - Parameters:
    ///   - provider: whose attempts it sends.
    ///   - pulse: how often the database is asked for due attempts.
    ///   - sendsPerSecond: fewer than the provider allows for creating payouts.
    ///   - concurrency: requests under way at once, each for another account.
    public init(
        provider: any SendingProvider, pool: PostgresPool, pulse: Pulse = Pulse(every: .milliseconds(250)),
        sendsPerSecond: Int = 12, concurrency: Int = 8, clock: @escaping @Sendable () -> Timestamp = systemNow,
        metrics: Metrics, logger: Logger
    ) {
        self.provider = provider
        self.pool = pool
        self.pulse = pulse
        self.concurrency = concurrency
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
        limiter = RateLimiter(perSecond: sendsPerSecond, burst: concurrency)
        metrics.declare("payer_sends_total", .counter, "Requests to a payout provider by what their reply proved.")
    }

    /// Sends until graceful shutdown: then it claims nothing more, and what is under way is still recorded.
    ///
    /// - Throws: `CredentialsRefused`. A database that fails is waited for.
    public func run() async throws {
        let slots = DispatchSlots(concurrency, claimEvery: pulse.interval)
        let refusal: (any Error)? = await withDiscardingTaskGroup { group in
            do {
                try await pulse.run { try await refill(slots, &group) }
                return nil
            } catch {
                return error
            }
        }
        if let refusal { throw refusal }
    }

    /// Fills the free slots, so that slow replies hold up no other payout. What ends asks for it again.
    private func refill(_ slots: DispatchSlots, _ group: inout DiscardingTaskGroup) async throws {
        if slots.isRefused { throw CredentialsRefused() }
        guard slots.areToBeFilled else { return }
        do throws(PostgresError) {
            try await sweep()
            while !Task.isShuttingDownGracefully, slots.areToBeFilled {
                let claimed = try await claim(upTo: slots.free)
                slots.take(claimed.count)
                guard !claimed.isEmpty else { return }
                for attempt in claimed { group.addTask { await send(attempt, in: slots) } }
            }
        } catch {
            logger.warning("dispatch failed", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func send(_ attempt: ClaimedAttempt, in slots: DispatchSlots) async {
        do {
            if try await send(attempt) == .misconfigured { slots.refuse() }
        } catch {
            logger.warning("dispatch failed", metadata: [LogKey.error: "\(error)"])
        }
        slots.release()
        pulse.ring()
    }

    /// One round: up to `concurrency` attempts, each for another account, until the last of them is recorded.
    public func runOnce() async throws -> DispatchRound {
        var round = DispatchRound()
        round.handedOver = try await sweep()
        let claimed = try await claim(upTo: concurrency)
        try await withThrowingTaskGroup(of: ProviderOutcome.self) { group in
            for attempt in claimed { group.addTask { try await send(attempt) } }
            for try await outcome in group {
                round.sent += 1
                round.outcomes[outcome.label, default: 0] += 1
                if outcome == .misconfigured { round.credentialsRefused = true }
            }
        }
        return round
    }

    /// - Returns: how many payouts now wait for a person.
    @discardableResult
    private func sweep() async throws(PostgresError) -> Int {
        let now = clock()
        return try await pool.transaction { (transaction) throws(PostgresError) in
            try PayoutAttemptStore.sweep(at: now, in: transaction)
        }
    }

    /// Claims attempts; none if another payer claims one for the same account at this moment.
    private func claim(upTo limit: Int) async throws(PostgresError) -> [ClaimedAttempt] {
        let (provider, now) = (provider, clock())
        do {
            return try await pool.transaction { (transaction) throws(PostgresError) in
                try PayoutAttemptStore.claim(
                    provider: provider.name, schedule: provider.schedule, maximum: limit, at: now, in: transaction)
            }
        } catch {
            guard error.constraint == PayoutAttemptStore.oneSendingConstraint else { throw error }
            return []
        }
    }

    /// Sends one attempt and records its outcome.
    ///
    /// A result that cannot be recorded is not lost: the lease ends, and the same request is answered again.
    private func send(_ attempt: ClaimedAttempt) async throws -> ProviderOutcome {
        try await limiter.take()
        let provider = provider
        let reply = await provider.send(attempt, at: clock())
        let outcome = provider.outcome(of: reply, isFirstSend: attempt.isFirstSend)
        let now = clock()
        let recorded = try await pool.transaction { (transaction) throws(PostgresError) in
            try PayoutAttemptStore.record(
                outcome, of: attempt, answer: reply.answer, schedule: provider.schedule, at: now,
                makeAttempt: provider.makeAttempt, in: transaction)
        }
        metrics.add(to: "payer_sends_total", [("provider", provider.name), ("outcome", outcome.label)])
        report(outcome, recorded, of: attempt)
        return outcome
    }

    private func report(_ outcome: ProviderOutcome, _ recorded: RecordedOutcome, of attempt: ClaimedAttempt) {
        var metadata: Logger.Metadata = [
            LogKey.payout: "\(attempt.request.payoutID)", LogKey.attempt: "\(attempt.idempotencyKey)",
            LogKey.status: "\(outcome.label)",
        ]
        switch outcome {
        case .accepted, .nothingLearned: logger.debug("attempt sent", metadata: metadata)
        case .declined(_, let code):
            metadata[LogKey.reason] = "\(code)"
            logger.warning("attempt declined", metadata: metadata)
        case .unknown(let reason):
            metadata[LogKey.reason] = "\(reason)"
            logger.warning("attempt unknown", metadata: metadata)
        case .drifted, .misconfigured: logger.error("attempt refused", metadata: metadata)
        }
        if recorded == .superseded { logger.info("attempt superseded", metadata: metadata) }
    }
}

/// The requests that may be under way at once, shared by those that are.
private final class DispatchSlots: Sendable {
    private struct State {
        var free: Int
        var filledAt: ContinuousClock.Instant
        /// The provider refused our key.
        var isRefused = false
    }

    private let count: Int
    private let interval: Duration
    private let state: Mutex<State>

    /// - Parameter interval: between two claims while few slots are free.
    init(_ count: Int, claimEvery interval: Duration) {
        self.count = count
        self.interval = interval
        state = Mutex(State(free: count, filledAt: .now - interval))
    }

    var free: Int { state.withLock { $0.free } }
    var isRefused: Bool { state.withLock { $0.isRefused } }

    /// Half of them at once, as few claims take many; fewer only after a while, as the others may be slow.
    var areToBeFilled: Bool {
        state.withLock { $0.free * 2 >= count || ($0.free > 0 && .now - $0.filledAt >= interval) }
    }

    func take(_ count: Int) {
        state.withLock {
            $0.free -= count
            $0.filledAt = .now
        }
    }

    func release() { state.withLock { $0.free += 1 } }
    func refuse() { state.withLock { $0.isRefused = true } }
}

extension ProviderReply {
    fileprivate var answer: ProviderAnswer? {
        guard case .answer(let answer) = self else { return nil }
        return answer
    }
}

extension ProviderOutcome {
    /// The value of a metric's label.
    fileprivate var label: String {
        switch self {
        case .accepted: "accepted"
        case .declined: "declined"
        case .unknown: "unknown"
        case .nothingLearned: "nothing_learned"
        case .drifted: "drifted"
        case .misconfigured: "misconfigured"
        }
    }
}
