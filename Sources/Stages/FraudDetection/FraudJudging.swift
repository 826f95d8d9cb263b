import Domain
import Events
import Postgres
import Storage

/// The open days as of a revision of the stored state: where they stand, without their events.
struct FraudJudging: Sendable {
    /// Rows of observations that one round answers for; what is more, the next takes.
    static let rowsMaximum = 200_000

    /// What one look at the database found.
    struct Loaded: Sendable {
        /// To be saved on.
        var revision: Int64
        let sealedThrough: Int32
        /// nil if what is in memory is still what is stored.
        var state: FraudState?
        /// Those of which something waits; with `state`, all.
        var days: Set<Int32> = []
        var waiting: [FraudObservationStore.Key] = []
        /// nil if nobody can have come.
        var names: [UInt64: String]?
        var context = FraudContext()
        var model = FraudModel.standard
        var candidate: FraudModel?
        var decisions: [Int32: [FraudDecision]] = [:]
    }

    /// Of one day, as the engine sees them.
    struct Events: Sendable {
        var events: [FraudEvent] = []
        var keys = FraudLinkKeys()
        var conversionIDs: [UInt64: Identifier] = [:]
    }

    private(set) var revision: Int64
    private(set) var decisions: [Int32: [FraudDecision]]
    var timeline: FraudTimeline
    private(set) var names: [UInt64: String] = [:]

    /// Reads what is new, or where the sealed days stand if another judged or decided since.
    ///
    /// Who starts anew raises the revision: whoever judged before saves nothing any more.
    ///
    /// - Parameter known: what is in memory; nil if there is nothing.
    static func load(
        after known: (revision: Int64, decisions: [Int32: [FraudDecision]])?, _ world: FraudStateStore.World,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Loaded {
        var loaded = Loaded(revision: world.revision, sealedThrough: world.sealedThrough)
        loaded.decisions = try FraudDecisionStore.unsealed(in: transaction)
        let isCurrent = known.map { $0.revision == world.revision && $0.decisions == loaded.decisions } ?? false
        loaded.waiting = try FraudObservationStore.waiting(maximum: rowsMaximum, in: transaction)
        loaded.days = Set(loaded.waiting.map(\.day))
        if !isCurrent {
            _ = try FraudStateStore.advance(from: world.revision, in: transaction)
            loaded.revision += 1
            try FraudLinkStore.forgetOpenDays(in: transaction)
            loaded.state = try FraudStateStore.load(in: transaction)
            loaded.days = Set(try FraudObservationStore.days(in: transaction))
        }
        if !isCurrent || !loaded.waiting.isEmpty { loaded.names = try FraudObservationStore.names(in: transaction) }
        loaded.model = try FraudModelStore.active(in: transaction)
        loaded.candidate = try FraudModelStore.candidate(in: transaction)
        loaded.context = try FraudVerdictStore.context(in: transaction)
        return loaded
    }

    /// - Parameter book: as of the last sealed day.
    init(_ loaded: Loaded, _ book: FraudBook, linksHeldMaximum: Int) {
        var book = book
        // Made about the last sealed day after it was sealed: all days to come see them.
        for day in loaded.decisions.keys.sorted() where day <= loaded.sealedThrough {
            for decision in loaded.decisions[day] ?? [] { _ = book.decide(decision) }
        }
        revision = loaded.revision
        decisions = loaded.decisions
        timeline = FraudTimeline(book, through: loaded.sealedThrough, linksHeldMaximum: linksHeldMaximum)
    }

    /// Goes back to before the first day of which something waits.
    mutating func begin(_ loaded: Loaded) {
        for day in loaded.days { timeline.note(eventsOn: day) }
        timeline.begin(loaded.context, loaded.model, beside: loaded.candidate)
        names = loaded.names ?? names
    }

    static func events(
        _ observed: [[UInt8]], _ reading: FraudEventReading
    ) throws(PostgresError) -> Events {
        var day = Events()
        for bytes in observed {
            guard let observations = FraudObservation.read(bytes) else {
                throw PostgresError(code: .decoding, message: "stored observations of another version")
            }
            for observation in observations {
                let event = reading.read(observation)
                day.events.append(event)
                day.keys.insert(event)
                if let conversionID = observation.conversionID { day.conversionIDs[event.key] = conversionID }
            }
        }
        return day
    }

    /// After something was saved.
    mutating func advance() { revision += 1 }
}
