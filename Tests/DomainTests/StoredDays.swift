import Domain

/// A timeline with all that is stored beside it, as a detector drives it.
struct StoredDays {
    private struct Key: Hashable {
        let kind: FraudLinkKind
        let key: UInt64

        init(_ kind: FraudLinkKind, _ key: UInt64) {
            self.kind = kind
            self.key = key
        }
    }

    private let linksHeld: Int
    private(set) var timeline: FraudTimeline
    private(set) var state = FraudState()
    private var events: [Int32: [FraudEvent]] = [:]
    private var open: [Key: [Int32: FraudLink]] = [:]
    private var sealed: [Key: FraudLink] = [:]
    /// What was said of each day at last.
    private(set) var said: [Int32: [String]] = [:]

    init(linksHeld: Int = FraudTimeline.linksHeldMaximum) {
        self.linksHeld = linksHeld
        timeline = FraudTimeline(FraudBook(), through: .min, linksHeldMaximum: linksHeld)
    }

    /// The links of the sealed days.
    var links: Set<FraudLink> { Set(sealed.values) }
    /// How many links of open days are stored.
    var openCount: Int { open.values.reduce(0) { $0 + $1.count } }

    /// Judges events and whatever they open again.
    ///
    /// - Returns: the days judged.
    @discardableResult
    mutating func judge(_ new: [FraudEvent]) throws -> [Int32] {
        for event in new {
            events[event.at.day, default: []].append(event)
            timeline.note(eventsOn: event.at.day)
        }
        timeline.begin(FraudContext(), .standard)
        var days: [Int32] = []
        while let day = timeline.next {
            guard let judged = try take(day) else { continue }
            days.append(day)
            said[day] = StoredDays.words(judged.judgements, judged.conversions)
        }
        return days
    }

    static func words(_ judgements: [FraudJudgement], _ conversions: [ConversionScore]) -> [String] {
        judgements.map { judgement in
            "\(judgement.affiliate) \(judgement.probability.bitPattern) \(judgement.verdict) "
                + judgement.reasons.map { "\($0.finding)" }.joined()
        } + conversions.map { "\($0.event) \($0.probability.bitPattern) \($0.signals)" }
    }

    private mutating func take(_ day: Int32) throws -> FraudTimeline.JudgedDay? {
        let dates = timeline.dates(of: day)
        let today = events.filter { dates.contains($0.key) }.flatMap(\.value)
        var keys = FraudLinkKeys()
        for event in today { keys.insert(event) }
        let stored = timeline.wanted(day, keys).map { links($0) } ?? []
        let judged = try timeline.take(day, today, keys: keys, stored: stored, decisions: [])
        while let crowded = timeline.crowded { keep(crowded) }
        return judged
    }

    private func links(_ wanted: FraudTimeline.Wanted) -> [FraudLink] {
        func last(_ key: Key) -> FraudLink? {
            open[key]?.filter { $0.key <= wanted.day }.max { $0.key < $1.key }?.value ?? sealed[key]
        }
        let named = wanted.keys.list.compactMap { last(Key($0.kind, $0.key)) }
        let forgotten = Set(open.keys).union(sealed.keys).compactMap { last($0) }.filter { link in
            link.isBuyer && wanted.forgotten.contains(link.day)
        }
        return named + forgotten
    }

    private mutating func keep(_ day: Int32) {
        for link in timeline.links(of: day) { open[Key(link.kind, link.key), default: [:]][day] = link }
        timeline.letGo(linksOf: day)
    }

    /// Ends the days up to `day`, and starts anew on what is stored then.
    mutating func seal(through day: Int32) throws {
        timeline.rewind(to: day)
        while let next = timeline.next, next <= day { _ = try take(next) }
        for held in timeline.held(through: day) { keep(held) }
        state = timeline.state
        for (key, versions) in open {
            guard let last = versions.filter({ $0.key <= day }).max(by: { $0.key < $1.key })?.value else { continue }
            if !last.bytes.isEmpty { sealed[key] = last }
        }
        sealed = sealed.filter { $0.value.day > day - $0.key.kind.daysKept(clickDays: timeline.clickDays) }
        events = events.filter { $0.key > day }
        try restart(through: day)
        try judge([])
    }

    /// Loses what is in memory.
    mutating func restart(through day: Int32? = nil) throws {
        var book = try FraudBook(state)
        try book.count(buyers: sealed.values.filter(\.isBuyer))
        timeline = FraudTimeline(book, through: day ?? timeline.sealedThrough, linksHeldMaximum: linksHeld)
        open = [:]
        for day in events.keys { timeline.note(eventsOn: day) }
    }
}
