public import Domain
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// What one round of the reconciler did.
public struct ReconcileRound: Hashable, Sendable {
    public internal(set) var notices = 0
    public internal(set) var checks = 0
    public internal(set) var moved = 0
    public internal(set) var breaks = 0
    public internal(set) var unavailable = 0

    /// Nothing was left to do.
    public var isIdle: Bool { notices == 0 && checks == 0 }
}

/// Moves payouts by what the provider answers when it is asked: because a webhook hinted, because a check is due, or
/// because a reply was lost.
public struct Reconciler: Service {
    /// Questions to the provider under way at once.
    private static let concurrency = 8
    private static let batchMaximum = 100
    /// A notice whose object could not be fetched waits so long.
    private static let postponeSeconds: Int64 = 10

    private let provider: any SendingProvider
    private let pool: PostgresPool
    private let pulse: Pulse
    private let intervalSeconds: Int64
    private let limiter: RateLimiter
    private let clock: @Sendable () -> Timestamp
    private let wakePublisher: @Sendable () -> Void
    private let metrics: Metrics
    private let logger: Logger

    /// - Parameters:
    ///   - provider: whose payouts it moves.
    ///   - pulse: rung by the webhook receiver.
    ///   - intervalSeconds: between two checks of a payout under way.
    ///   - readsPerSecond: fewer than the provider allows.
    ///   - wakePublisher: called when `payouts.settled` may have something to publish.
    public init(
        provider: any SendingProvider, pool: PostgresPool, pulse: Pulse, intervalSeconds: Int64,
        readsPerSecond: Int = 20,
        clock: @escaping @Sendable () -> Timestamp = systemNow, wakePublisher: @escaping @Sendable () -> Void = {},
        metrics: Metrics, logger: Logger
    ) {
        self.provider = provider
        self.pool = pool
        self.pulse = pulse
        self.intervalSeconds = intervalSeconds
        limiter = RateLimiter(perSecond: readsPerSecond, burst: Reconciler.concurrency)
        self.clock = clock
        self.wakePublisher = wakePublisher
        self.metrics = metrics
        self.logger = logger
        metrics.declare("reconciler_moves_total", .counter, "Payouts moved on a provider's word.")
        metrics.declare("reconciler_breaks_total", .counter, "Contradictions seen between books and provider.")
    }

    public func run() async throws {
        try await pulse.run {
            while !Task.isShuttingDownGracefully, await !runRound().isIdle {}
        }
    }

    /// A database that fails is waited for; the payouts it keeps do not get lost.
    private func runRound() async -> ReconcileRound {
        do {
            let round = try await runOnce()
            metrics.add(Double(round.moved), to: "reconciler_moves_total")
            metrics.add(Double(round.breaks), to: "reconciler_breaks_total")
            if round.moved > 0 { wakePublisher() }
            return round
        } catch {
            logger.warning("reconciling failed", metadata: [LogKey.error: "\(error)"])
            return ReconcileRound()
        }
    }

    /// One round: waiting notices first, then due checks, then what time alone decides.
    public func runOnce() async throws -> ReconcileRound {
        var round = ReconcileRound()
        try await applyNotices(&round)
        try await applyChecks(&round)
        let (provider, window, now) = (provider.name, provider.schedule.returnWindowDays, clock())
        round.moved += try await pool.transaction { (transaction) throws(PostgresError) in
            try PayoutStore.reportStale(at: now, in: transaction)
            return try PayoutStore.finalize(
                provider: provider, after: window, limit: Reconciler.batchMaximum, at: now, in: transaction)
        }
        return round
    }

    private func applyNotices(_ round: inout ReconcileRound) async throws {
        let (provider, now) = (provider.name, clock())
        let notices = try await pool.transaction { (transaction) throws(PostgresError) in
            try WebhookInboxStore.waiting(
                provider: provider, limit: Reconciler.batchMaximum, at: now, in: transaction)
        }
        round.notices += notices.count
        // Several events about one object are one question.
        var questions: [NoticeSubject: [String]] = [:]
        for notice in notices {
            let subject = NoticeSubject(notice, operation: self.provider.operation(ofNotice: notice.kind))
            questions[subject, default: []].append(notice.eventID)
        }
        try await forEach(Array(questions), &round) { question, round in
            try await answer(question.key, question.value, &round)
        }
    }

    private func answer(_ subject: NoticeSubject, _ eventIDs: [String], _ round: inout ReconcileRound) async throws {
        let (name, now) = (provider.name, clock())
        guard let operation = subject.operation else {
            try await pool.transaction { (transaction) throws(PostgresError) in
                try WebhookInboxStore.markApplied(
                    eventIDs, provider: name, result: "not about a payout", at: now, in: transaction)
            }
            return
        }
        let finding = await provider.fetch(operation, objectID: subject.objectID, account: subject.account, at: now)
        guard case .found(let observations) = finding else {
            round.unavailable += 1
            try await pool.transaction { (transaction) throws(PostgresError) in
                try WebhookInboxStore.postpone(
                    eventIDs, provider: name, until: now.adding(seconds: Reconciler.postponeSeconds),
                    result: "provider unavailable", in: transaction)
            }
            return
        }
        if observations.isEmpty {
            try await pool.transaction { (transaction) throws(PostgresError) in
                try BreakStore.open(
                    [
                        ReconciliationBreak(
                            kind: .unmatchedWebhook, payoutID: nil, objectID: subject.objectID,
                            detail: "\(operation.rawValue) of \(subject.account)")
                    ], at: now, in: transaction)
            }
        }
        try await apply(observations, source: "webhook", closing: eventIDs, &round)
    }

    private func applyChecks(_ round: inout ReconcileRound) async throws {
        let (provider, interval, now) = (provider.name, intervalSeconds, clock())
        let checks = try await pool.transaction { (transaction) throws(PostgresError) in
            try PayoutStore.takeDueChecks(
                provider: provider, intervalSeconds: interval, limit: Reconciler.batchMaximum, at: now,
                in: transaction)
        }
        round.checks += checks.count
        try await forEach(checks, &round) { check, round in try await answer(check, &round) }
    }

    private func answer(_ check: DueCheck, _ round: inout ReconcileRound) async throws {
        let now = clock()
        if check.state == .canceling, let objectID = check.objectID {
            await provider.cancel(check.payoutID, objectID: objectID, account: check.account)
        }
        let finding =
            if let objectID = check.objectID {
                await provider.fetch(check.operation, objectID: objectID, account: check.account, at: now)
            } else {
                await provider.search(check, at: now)
            }
        switch finding {
        case .found(let observations) where observations.isEmpty && check.objectID != nil:
            round.breaks += 1
            try await pool.transaction { (transaction) throws(PostgresError) in
                try BreakStore.open(
                    [
                        ReconciliationBreak(
                            kind: .missingAtProvider, payoutID: check.payoutID, objectID: check.objectID ?? "",
                            detail: "\(check.state.rawValue) here, nothing there")
                    ], at: now, in: transaction)
            }
        case .found(let observations):
            let source = check.objectID == nil ? "search" : "poll"
            try await apply(observations, source: source, closing: [], &round)
        case .unavailable: round.unavailable += 1
        }
    }

    private func apply(
        _ observations: [ProviderObservation], source: String, closing eventIDs: [String],
        _ round: inout ReconcileRound
    ) async throws {
        let (provider, now) = (provider, clock())
        let results = try await pool.transaction { (transaction) throws(PostgresError) -> [ObservationResult] in
            var results: [ObservationResult] = []
            for observation in observations {
                results.append(
                    try PayoutStore.apply(
                        observation, source: source, at: now, makeAttempt: provider.makeAttempt, in: transaction))
            }
            try WebhookInboxStore.markApplied(
                eventIDs, provider: provider.name, result: results.first.map { "\($0)" } ?? "not found", at: now,
                in: transaction)
            return results
        }
        for result in results {
            switch result {
            case .moved: round.moved += 1
            case .unchanged: break
            case .broken(let kind):
                round.breaks += 1
                logger.error("break found", metadata: [LogKey.reason: "\(kind.rawValue)"])
            }
        }
    }

    /// Runs `body` for each item, a bounded number at once, and adds up what they did.
    private func forEach<Item: Sendable>(
        _ items: [Item], _ round: inout ReconcileRound,
        _ body: @escaping @Sendable (Item, inout ReconcileRound) async throws -> Void
    ) async throws {
        let limiter = limiter
        try await withThrowingTaskGroup(of: ReconcileRound.self) { group in
            var waiting = items.makeIterator()
            var running = 0
            while true {
                // Asked to end, it leaves the rest: notices wait for the next process, checks for their next turn.
                while running < Reconciler.concurrency, !Task.isShuttingDownGracefully, let item = waiting.next() {
                    running += 1
                    group.addTask {
                        try await limiter.take()
                        var part = ReconcileRound()
                        try await body(item, &part)
                        return part
                    }
                }
                guard let part = try await group.next() else { return }
                running -= 1
                round.add(part)
            }
        }
    }
}

/// The object that a notice is about.
private struct NoticeSubject: Hashable, Sendable {
    let objectID: String
    let account: String
    /// nil: an event that no payout depends on.
    let operation: PayoutOperation?

    init(_ notice: WebhookNotice, operation: PayoutOperation?) {
        objectID = notice.objectID
        account = notice.account
        self.operation = operation
    }
}

extension ReconcileRound {
    fileprivate mutating func add(_ part: ReconcileRound) {
        notices += part.notices
        checks += part.checks
        moved += part.moved
        breaks += part.breaks
        unavailable += part.unavailable
    }
}
