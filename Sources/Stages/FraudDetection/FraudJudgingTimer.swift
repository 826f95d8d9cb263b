public import Domain
import Events
public import Logging
public import Outbox
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// Judges what `FraudDetectionStage` took in: the open days, in memory, on the stored state of those before.
///
/// However many detectors run, one judges. It loads and saves in two transactions and judges between them; what it
/// started from has a revision, and if that moved meanwhile it saves nothing and loads again. A day stays open until
/// its events have long been quiet, so what is said of it in the end depends on the set of its events alone: not on
/// batches, partitions, restarts, or on which detector judged.
public actor FraudJudgingTimer: Service {
    public static let lane = Lane(emitter: FraudDetectionStage.group)
    /// How long nobody else judges after a sign of life of the one who does, beside three times what a round takes.
    static let leaseSeconds: Int64 = 60
    /// Rests at least as long as the last round took, but not longer than the maximum.
    private static let restMaximum = Duration.seconds(30)
    /// Events of open days; beyond, days are sealed although they are not quiet.
    static let openEventsMaximum = 5_000_000
    /// A day is sealed two days later if nothing came for a day, or if it began to come a week ago.
    static let openDays: Int32 = 2
    static let quietSeconds: Int64 = 86_400
    static let openSecondsMaximum: Int64 = 7 * 86_400
    private static let sealEverySeconds: Int64 = 600
    /// For how long judgements of days are kept.
    private static let judgementDays: Int32 = 400

    private let pool: PostgresPool
    private let publisher: LanePublisher?
    private let judge: String
    private let reading: FraudEventReading
    private let interval: Duration
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger
    private var judging: FraudJudging?
    private var sealLookedAt: Timestamp?
    private var lastRound = Duration.zero

    /// - Parameters:
    ///   - judge: names this process.
    ///   - publisher: of `lane`; nil if another process publishes it.
    ///   - dataCentres: prefixes whose addresses are no visitors.
    public init(
        pool: PostgresPool, publisher: LanePublisher?, judge: String, dataCentres: IPPrefixSet = IPPrefixSet(),
        every interval: Duration = .seconds(5),
        clock: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.pool = pool
        self.publisher = publisher
        self.judge = judge
        reading = FraudEventReading(dataCentres: dataCentres)
        self.interval = interval
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        while !Task.isShuttingDownGracefully {
            let began = ContinuousClock.now
            do throws(PostgresError) {
                try await runOnce()
            } catch {
                judging = nil
                logger.warning("judging waits", metadata: [LogKey.error: "\(error)"])
            }
            lastRound = ContinuousClock.now - began
            let rest = max(interval, min(lastRound, FraudJudgingTimer.restMaximum))
            // Cut short only by the end of the process.
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: rest) }
        }
        let judge = judge
        // Without it the next judge waits a minute, and nothing more.
        try? await pool.transaction { (transaction) throws(PostgresError) in
            try FraudStateStore.leave(judge, in: transaction)
        }
    }

    /// Judges everything that waits, and seals what is over.
    ///
    /// - Returns: how many rows of observations were judged.
    @discardableResult
    public func runOnce() async throws(PostgresError) -> Int {
        var judged = 0
        while true {
            guard let rows = try await round() else { return judged }
            judged += rows
            if rows < FraudJudging.rowsMaximum { break }
        }
        try await seal()
        return judged
    }

    /// - Returns: how many rows were judged; nil if another judges.
    private func round() async throws(PostgresError) -> Int? {
        let now = clock()
        let (judge, known) = (judge, judging.map { ($0.revision, $0.decisions) })
        let until = now.adding(seconds: FraudJudgingTimer.leaseSeconds + 3 * lastRound.components.seconds)
        let loaded = try await pool.transaction { (transaction) throws(PostgresError) -> FraudJudging.Loaded? in
            guard let world = try FraudStateStore.claim(judge, at: now, until: until, in: transaction) else {
                return nil
            }
            return try FraudJudging.load(after: known, world, in: transaction)
        }
        guard let loaded else {
            self.judging = nil
            return nil
        }
        var judging = try current(loaded)
        // One copy alone, which changes in place.
        self.judging = nil
        let events = try judging.events(loaded.judged + loaded.rows, reading)
        let missing = judging.timeline.missing(events)
        let clickDays = loaded.context.clickDays
        let links = try await pool.transaction { (transaction) throws(PostgresError) in
            try FraudStateStore.links(of: missing, in: transaction)
        }
        do throws(UnreadableState) {
            try judging.add(events, missing: missing, links: links, clickDays: clickDays)
        } catch {
            throw PostgresError(code: .decoding, message: "a stored link cannot be read")
        }
        let findings = judging.judge(loaded)
        guard !findings.days.isEmpty || !loaded.rows.isEmpty else {
            self.judging = judging
            return 0
        }
        guard try await save(findings, of: loaded, at: now) else { return 0 }
        judging.advance()
        self.judging = judging
        publisher?.wake()
        return loaded.rows.count
    }

    private func current(_ loaded: FraudJudging.Loaded) throws(PostgresError) -> FraudJudging {
        guard let state = loaded.state else {
            guard let judging else { throw PostgresError(code: .decoding, message: "no state was loaded") }
            return judging
        }
        do throws(UnreadableState) {
            return try FraudJudging(loaded, state)
        } catch {
            throw PostgresError(
                code: .decoding, message: "the fraud engine's state cannot be read at byte \(error.offset)")
        }
    }

    /// - Returns: false if another judged meanwhile.
    private func save(
        _ findings: FraudFindings, of loaded: FraudJudging.Loaded, at now: Timestamp
    ) async throws(PostgresError) -> Bool {
        try await pool.transaction { (transaction) throws(PostgresError) in
            let world = loaded.world
            guard try FraudStateStore.advance(from: world.revision, in: transaction) else { return false }
            var touched = try FraudVerdictStore.save(findings.verdicts, of: findings.days, at: now, in: transaction)
            let changed = try FraudVerdictStore.save(findings.conversions, at: now, in: transaction)
            let told = Set(findings.conversions.filter { changed.contains($0.conversionID) }.map(\.affiliateID))
            touched.formUnion(told)
            let affiliates = touched.sorted()
            let moved = try FraudCaseStore.refresh(
                affiliates, sealedThrough: world.sealedThrough, at: now, in: transaction)
            try CommissionStore.release(
                of: affiliates, by: FraudDetectionStage.group, because: "the whole day says nothing against it",
                at: now, in: transaction)
            let verdicts = try FraudVerdictStore.verdicts(
                of: told.union(moved.keys).sorted(), in: transaction)
            let messages = findings.messages(changed: changed, verdicts: verdicts, revision: world.revision)
            try OutboxStore.append(messages, to: FraudJudgingTimer.lane, in: transaction)
            try FraudObservationStore.markJudged(loaded.rows, in: transaction)
            return true
        }
    }

    /// Stores the state at the end of the last day that is over, now and then.
    private func seal() async throws(PostgresError) {
        let now = clock()
        if let looked = sealLookedAt, now.seconds(since: looked) < FraudJudgingTimer.sealEverySeconds { return }
        guard let judging, judging.timeline.isJudged else { return }
        let isFull = judging.timeline.eventCount > FraudJudgingTimer.openEventsMaximum
        let last = (isFull ? judging.timeline.lastDay ?? 0 : now.day) - FraudJudgingTimer.openDays
        let day = try await pool.transaction { (transaction) throws(PostgresError) in
            try FraudObservationStore.sealable(
                through: last, arrivedBy: isFull ? now : now.adding(seconds: -FraudJudgingTimer.quietSeconds),
                begunBy: now.adding(seconds: -FraudJudgingTimer.openSecondsMaximum), in: transaction)
        }
        sealLookedAt = now
        guard let day, day > judging.timeline.sealedThrough else { return }
        let state = judging.timeline.sealed(through: day, judging.model, decisions: judging.decisions)
        let clickDays = judging.timeline.clickDays
        try await pool.transaction { (transaction) throws(PostgresError) in
            guard try FraudStateStore.advance(from: judging.revision, in: transaction) else { return }
            try FraudStateStore.seal(state, through: day, clickDays: clickDays, in: transaction)
            try FraudDecisionStore.seal(through: day, in: transaction)
            try FraudObservationStore.forget(
                through: day, judgementDays: FraudJudgingTimer.judgementDays, in: transaction)
        }
        self.judging = nil
    }
}
