public import Domain
import Events
public import Logging
public import Outbox
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// Judges what `FraudDetectionStage` took in: the open days, on the stored state of those before.
///
/// However many detectors run, one judges. It reads one day's events at a time, judges them between transactions, and
/// saves what it says of some days at once; what it started from has a revision, and if that moved meanwhile it saves
/// nothing and starts anew. A day stays open until its events have long been quiet, so what is said of it in the end
/// depends on the set of its events alone: not on batches, partitions, restarts, or on which detector judged.
public actor FraudJudgingTimer: Service {
    public static let lane = Lane(emitter: FraudDetectionStage.group)
    /// How long nobody else judges after a sign of life of the one who does, beside three times what a round takes.
    static let leaseSeconds: Int64 = 60
    /// Rests at least as long as the last round took, but not longer than the maximum.
    private static let restMaximum = Duration.seconds(30)
    /// Judgements of affiliates' days that are saved at once: whole days, so that it may be those of one more.
    private static let judgementsMaximum = 4_000
    /// A backlog that still comes in is first let in: as long as as many rows come in a moment, and only so long.
    private static let floodRows = 500
    private static let floodMoment = Duration.milliseconds(250)
    private static let floodMoments = 40
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
    private let linksHeldMaximum: Int
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger
    private var judging: FraudJudging?
    private var sealLookedAt: Timestamp?
    private var lastRound = Duration.zero

    /// - Parameters:
    ///   - judge: names this process.
    ///   - publisher: of `lane`; nil if another process publishes it.
    ///   - dataCentres: prefixes whose addresses are no visitors.
    ///   - linksHeldMaximum: records of what events name that are held in memory for the open days.
    public init(
        pool: PostgresPool, publisher: LanePublisher?, judge: String, dataCentres: IPPrefixSet = IPPrefixSet(),
        every interval: Duration = .seconds(5), linksHeldMaximum: Int = FraudTimeline.linksHeldMaximum,
        clock: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.pool = pool
        self.publisher = publisher
        self.judge = judge
        reading = FraudEventReading(dataCentres: dataCentres)
        self.interval = interval
        self.linksHeldMaximum = linksHeldMaximum
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        while !Task.isShuttingDownGracefully {
            let began = ContinuousClock.now
            do throws(PostgresError) {
                try await letIn()
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

    /// Waits while a backlog comes in: each look at half of it would cost as much as one at all.
    private func letIn() async throws(PostgresError) {
        var before = try await waitingCount()
        for _ in 0..<FraudJudgingTimer.floodMoments where !Task.isShuttingDownGracefully {
            // Cut short only by the end of the process.
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: FraudJudgingTimer.floodMoment) }
            let waiting = try await waitingCount()
            guard waiting - before >= FraudJudgingTimer.floodRows, waiting < FraudJudging.rowsMaximum else { return }
            before = waiting
        }
    }

    private func waitingCount() async throws(PostgresError) -> Int {
        try await pool.transaction { (transaction) throws(PostgresError) in
            try FraudObservationStore.waitingCount(in: transaction)
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

    /// - Returns: how many rows were judged; nil if another judges, or did meanwhile.
    private func round() async throws(PostgresError) -> Int? {
        let now = clock()
        let known = judging.map { ($0.revision, $0.decisions) }
        guard let loaded = try await load(after: known, at: now) else {
            judging = nil
            return nil
        }
        var current = try await current(loaded)
        // One copy alone, which changes in place.
        judging = nil
        current.begin(loaded)
        var findings = FraudFindings()
        while let day = current.timeline.next {
            let observed = try await take(day, &current)
            if let judged = observed.judged {
                findings.add(judged, names: current.names, conversionIDs: observed.conversionIDs)
            }
            let isLast = current.timeline.next == nil
            guard isLast || findings.verdicts.count >= FraudJudgingTimer.judgementsMaximum else { continue }
            let days = Set(findings.days)
            let rows = loaded.waiting.filter { days.contains(current.timeline.place($0.day)) }
            guard try await save(findings, rows, current, at: now) else { return nil }
            current.advance()
            findings = FraudFindings()
            publisher?.wake()
        }
        judging = current
        return loaded.waiting.count
    }

    private func load(
        after known: (Int64, [Int32: [FraudDecision]])?, at now: Timestamp
    ) async throws(PostgresError) -> FraudJudging.Loaded? {
        let judge = judge
        let until = now.adding(seconds: FraudJudgingTimer.leaseSeconds + 3 * lastRound.components.seconds)
        return try await pool.transaction { (transaction) throws(PostgresError) in
            guard let world = try FraudStateStore.claim(judge, at: now, until: until, in: transaction) else {
                return nil
            }
            return try FraudJudging.load(after: known, world, in: transaction)
        }
    }

    private func current(_ loaded: FraudJudging.Loaded) async throws(PostgresError) -> FraudJudging {
        guard let state = loaded.state else {
            guard let judging else { throw PostgresError(code: .decoding, message: "no state was loaded") }
            return judging
        }
        var book = try FraudJudgingTimer.readable { () throws(UnreadableState) in try FraudBook(state) }
        var last: FraudLink?
        while true {
            let after = last
            let buyers = try await pool.transaction { (transaction) throws(PostgresError) in
                try FraudLinkStore.buyers(after: after, in: transaction)
            }
            guard let newest = buyers.last else {
                return FraudJudging(loaded, book, linksHeldMaximum: linksHeldMaximum)
            }
            try FraudJudgingTimer.readable { () throws(UnreadableState) in try book.count(buyers: buyers) }
            last = newest
        }
    }

    private static func readable<Value>(
        _ read: () throws(UnreadableState) -> Value
    ) throws(PostgresError) -> Value {
        do throws(UnreadableState) {
            return try read()
        } catch {
            throw PostgresError(
                code: .decoding, message: "the fraud engine's state cannot be read at byte \(error.offset)")
        }
    }

    /// Takes the next day in.
    private func take(
        _ day: Int32, _ judging: inout FraudJudging
    ) async throws(PostgresError) -> (judged: FraudTimeline.JudgedDay?, conversionIDs: [UInt64: Identifier]) {
        let (dates, reading) = (judging.timeline.dates(of: day), reading)
        let observed = try await pool.transaction { (transaction) throws(PostgresError) in
            try FraudJudging.events(try FraudObservationStore.events(of: dates, in: transaction), reading)
        }
        var stored: [FraudLink] = []
        if let wanted = judging.timeline.wanted(day, observed.keys) {
            stored = try await pool.transaction { (transaction) throws(PostgresError) in
                try FraudLinkStore.links(wanted, in: transaction)
            }
        }
        let judged = try FraudJudgingTimer.readable { () throws(UnreadableState) in
            try judging.timeline.take(
                day, observed.events, keys: observed.keys, stored: stored, decisions: judging.decisions[day] ?? [])
        }
        while let crowded = judging.timeline.crowded { try await keep(crowded, &judging) }
        return (judged, observed.conversionIDs)
    }

    /// Stores the links of an open day in place of keeping them in memory.
    private func keep(_ day: Int32, _ judging: inout FraudJudging) async throws(PostgresError) {
        let (links, revision) = (judging.timeline.links(of: day), judging.revision)
        try await pool.transaction { (transaction) throws(PostgresError) in
            guard try FraudStateStore.isCurrent(revision, in: transaction) else {
                throw PostgresError(code: .decoding, message: "another detector judges")
            }
            try FraudLinkStore.keep(links, asOf: day, in: transaction)
        }
        judging.timeline.letGo(linksOf: day)
    }

    /// - Parameter rows: what is judged with it.
    /// - Returns: false if another judged meanwhile.
    private func save(
        _ findings: FraudFindings, _ rows: [FraudObservationStore.Key], _ judging: FraudJudging, at now: Timestamp
    ) async throws(PostgresError) -> Bool {
        let (revision, sealedThrough) = (judging.revision, judging.timeline.sealedThrough)
        return try await pool.transaction { (transaction) throws(PostgresError) in
            guard try FraudStateStore.advance(from: revision, in: transaction) else { return false }
            var touched = try FraudVerdictStore.save(findings.verdicts, of: findings.days, at: now, in: transaction)
            let changed = try FraudVerdictStore.save(findings.conversions, at: now, in: transaction)
            let told = Set(findings.conversions.filter { changed.contains($0.conversionID) }.map(\.affiliateID))
            touched.formUnion(told)
            let affiliates = touched.sorted()
            let moved = try FraudCaseStore.refresh(
                affiliates, sealedThrough: sealedThrough, at: now, in: transaction)
            try CommissionStore.release(
                of: affiliates, by: FraudDetectionStage.group, because: "the whole day says nothing against it",
                at: now, in: transaction)
            let verdicts = try FraudVerdictStore.verdicts(
                of: told.union(moved.keys).sorted(), in: transaction)
            let messages = findings.messages(changed: changed, verdicts: verdicts, revision: revision)
            try OutboxStore.append(messages, to: FraudJudgingTimer.lane, in: transaction)
            try FraudObservationStore.markJudged(rows, in: transaction)
            return true
        }
    }

    /// Stores the state at the end of the last day that is over, now and then.
    private func seal() async throws(PostgresError) {
        let now = clock()
        if let looked = sealLookedAt, now.seconds(since: looked) < FraudJudgingTimer.sealEverySeconds { return }
        guard var judging, judging.timeline.isJudged else { return }
        let day = try await pool.transaction { (transaction) throws(PostgresError) in
            try FraudObservationStore.sealable(
                through: now.day - FraudJudgingTimer.openDays,
                arrivedBy: now.adding(seconds: -FraudJudgingTimer.quietSeconds),
                begunBy: now.adding(seconds: -FraudJudgingTimer.openSecondsMaximum), in: transaction)
        }
        sealLookedAt = now
        guard let day, day > judging.timeline.sealedThrough else { return }
        // What is in memory ends here: the next round starts with what is stored.
        self.judging = nil
        judging.timeline.rewind(to: day)
        while let next = judging.timeline.next, next <= day { _ = try await take(next, &judging) }
        for held in judging.timeline.held(through: day) { try await keep(held, &judging) }
        let (timeline, revision) = (judging.timeline, judging.revision)
        try await pool.transaction { (transaction) throws(PostgresError) in
            guard try FraudStateStore.advance(from: revision, in: transaction) else { return }
            try FraudStateStore.seal(timeline.state, through: day, clickDays: timeline.clickDays, in: transaction)
            try FraudDecisionStore.seal(through: day, in: transaction)
            try FraudObservationStore.forget(
                through: day, judgementDays: FraudJudgingTimer.judgementDays, in: transaction)
        }
    }
}
