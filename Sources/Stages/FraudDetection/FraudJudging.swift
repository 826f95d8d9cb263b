import Domain
import Events
import Postgres
import Storage

/// The open days in memory, as of a revision of the stored state.
struct FraudJudging: Sendable {
    /// Rows of observations that are taken in at once; what is more, the next round takes.
    static let rowsMaximum = 200_000

    /// What one look at the database found.
    struct Loaded: Sendable {
        let world: FraudStateStore.World
        /// nil if what is in memory is still what is stored.
        var state: FraudState?
        var rows: [FraudObservationStore.Row] = []
        /// Judged before, but not in this memory.
        var judged: [FraudObservationStore.Row] = []
        /// nil if nobody can have come.
        var names: [UInt64: String]?
        var context = FraudContext()
        var model = FraudModel.standard
        var candidate: FraudModel?
        var decisions: [Int32: [FraudDecision]] = [:]
    }

    private(set) var revision: Int64
    private(set) var timeline: FraudTimeline
    private(set) var decisions: [Int32: [FraudDecision]]
    /// That judged last.
    private(set) var model = FraudModel.standard
    private var conversionIDs: [UInt64: Identifier] = [:]
    private var names: [UInt64: String] = [:]

    /// Reads what is new, or everything if another judged or decided since.
    ///
    /// - Parameter known: what is in memory; nil if there is nothing.
    static func load(
        after known: (revision: Int64, decisions: [Int32: [FraudDecision]])?, _ world: FraudStateStore.World,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Loaded {
        var loaded = Loaded(world: world)
        loaded.decisions = try FraudDecisionStore.unsealed(in: transaction)
        let isCurrent = known.map { $0.revision == world.revision && $0.decisions == loaded.decisions } ?? false
        loaded.rows = try FraudObservationStore.waiting(maximum: rowsMaximum, in: transaction)
        if !isCurrent {
            loaded.state = try FraudStateStore.load(in: transaction)
            loaded.judged = try FraudObservationStore.judged(in: transaction)
        }
        if !isCurrent || !loaded.rows.isEmpty { loaded.names = try FraudObservationStore.names(in: transaction) }
        loaded.model = try FraudModelStore.active(in: transaction)
        loaded.candidate = try FraudModelStore.candidate(in: transaction)
        loaded.context = try FraudVerdictStore.context(in: transaction)
        return loaded
    }

    /// - Parameter state: as of the last sealed day.
    init(_ loaded: Loaded, _ state: FraudState) throws(UnreadableState) {
        var book = try FraudBook(state)
        // Made about the last sealed day after it was sealed: all days to come see them.
        for day in loaded.decisions.keys.sorted() where day <= loaded.world.sealedThrough {
            for decision in loaded.decisions[day] ?? [] { _ = book.decide(decision) }
        }
        revision = loaded.world.revision
        decisions = loaded.decisions
        timeline = FraudTimeline(book, through: loaded.world.sealedThrough)
    }

    /// The events of observations, which stay known by their conversions.
    mutating func events(
        _ rows: [FraudObservationStore.Row], _ reading: FraudEventReading
    ) throws(PostgresError) -> [FraudEvent] {
        var events: [FraudEvent] = []
        for row in rows {
            guard let observations = FraudObservation.read(row.events) else {
                throw PostgresError(code: .decoding, message: "stored observations of another version")
            }
            for observation in observations {
                let event = reading.read(observation)
                events.append(event)
                if let conversionID = observation.conversionID { conversionIDs[event.key] = conversionID }
            }
        }
        return events
    }

    mutating func add(
        _ events: [FraudEvent], missing: FraudLinkKeys, links: [FraudLink], clickDays: Int32
    ) throws(UnreadableState) {
        try timeline.add(events, missing: missing, links: links, clickDays: clickDays)
    }

    mutating func judge(_ loaded: Loaded) -> FraudFindings {
        model = loaded.model
        names = loaded.names ?? names
        return FraudFindings(
            timeline.judge(loaded.context, model, beside: loaded.candidate, decisions: decisions), names: names,
            conversionIDs: conversionIDs)
    }

    /// After what was judged is saved.
    mutating func advance() { revision += 1 }
}
