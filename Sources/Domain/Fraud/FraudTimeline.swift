/// The days that may still change, on the engine's state at the end of the last that may not.
///
/// What it says of a day depends on the set of its events and on the days before, never on how the events came in: a
/// late one opens its day and all later ones again. States at the end of some days are kept, the denser the later, so
/// that a late event costs few more days than those behind it.
public struct FraudTimeline: Sendable {
    /// What was found on one day.
    public struct JudgedDay: Sendable {
        public let day: Int32
        public let judgements: [FraudJudgement]
        public let conversions: [ConversionScore]
    }

    private var sealed: FraudBook
    /// The last day that cannot change; what comes later of it, and of those before, counts on the day after.
    public let sealedThrough: Int32
    private var days: [Int32: [FraudEvent]] = [:]
    private var checkpoints: [Int32: FraudBook] = [:]
    private var known = FraudLinkKeys()
    private var dirtyFrom: Int32?
    private var context = FraudContext()
    private var versions: [String?] = []

    public init(_ sealed: FraudBook, through day: Int32) {
        self.sealed = sealed
        sealedThrough = day
    }

    public var isJudged: Bool { dirtyFrom == nil }
    /// For how many days clicks are remembered, as of the last judgement.
    public var clickDays: Int32 { context.clickDays }
    /// Events of the open days.
    public var eventCount: Int { days.values.reduce(0) { $0 + $1.count } }
    /// Devices that are in memory.
    public var deviceCount: Int { (checkpoints.max { $0.key < $1.key }?.value ?? sealed).deviceCount }
    /// The last day with an event.
    public var lastDay: Int32? { days.keys.max() }

    /// The keys of events whose stored links were not asked for yet.
    public func missing(_ events: [FraudEvent]) -> FraudLinkKeys {
        var keys = FraudLinkKeys()
        for event in events { keys.insert(event) }
        keys.subtract(known)
        return keys
    }

    /// Takes in events, with the stored links of the keys that were missing.
    public mutating func add(
        _ events: [FraudEvent], missing keys: FraudLinkKeys, links: [FraudLink], clickDays: Int32
    ) throws(UnreadableState) {
        try sealed.adopt(links, clickDays: clickDays)
        for day in checkpoints.keys { try checkpoints[day]?.adopt(links, clickDays: clickDays) }
        known.formUnion(keys)
        for event in events {
            let day = place(event)
            days[day, default: []].append(event)
            reconsider(from: day)
        }
    }

    private func place(_ event: FraudEvent) -> Int32 {
        sealedThrough == .min ? event.at.day : max(event.at.day, sealedThrough + 1)
    }

    /// Judges again from a day on.
    public mutating func reconsider(from day: Int32) {
        dirtyFrom = min(dirtyFrom ?? day, day)
    }

    /// Judges the days that changed, and those behind them.
    ///
    /// - Parameters:
    ///   - candidate: says silently beside the model what it would.
    ///   - decisions: by the day on which they were made; they count from the next.
    public mutating func judge(
        _ context: FraudContext, _ model: FraudModel, beside candidate: FraudModel? = nil,
        decisions: [Int32: [FraudDecision]]
    ) -> [JudgedDay] {
        let versions = [model.version, candidate?.version]
        if context != self.context || versions != self.versions { dirtyFrom = .min }
        self.context = context
        self.versions = versions
        guard let first = dirtyFrom else { return [] }
        dirtyFrom = nil
        checkpoints = checkpoints.filter { $0.key < first }
        let base = checkpoints.max { $0.key < $1.key }
        var book = base?.value ?? sealed
        let open = days.keys.filter { $0 > base?.key ?? .min }.sorted()
        var judged: [JudgedDay] = []
        for day in open {
            let found = step(&book, day, model, candidate, decisions)
            if day >= first { judged.append(found) }
            checkpoints[day] = book
            thin(latest: day)
        }
        return judged
    }

    /// Keeps one state, the oldest, of those that are 1, 2 to 3, 4 to 7 … days old: each is as large as what the open
    /// days name.
    private mutating func thin(latest: Int32) {
        var ages: Set<Int> = []
        for day in checkpoints.keys.sorted() {
            let age = UInt32(clamping: Int64(latest) - Int64(day) + 1)
            if !ages.insert(age.leadingZeroBitCount).inserted { checkpoints[day] = nil }
        }
    }

    private func step(
        _ book: inout FraudBook, _ day: Int32, _ model: FraudModel, _ candidate: FraudModel?,
        _ decisions: [Int32: [FraudDecision]]
    ) -> JudgedDay {
        var set = FraudDays()
        set.merge(day, days[day] ?? [])
        let conversions = book.close(day, set.close(day), context, model)
        let judgements = book.judge(model, beside: candidate)
        for decision in decisions[day] ?? [] { _ = book.decide(decision) }
        return JudgedDay(day: day, judgements: judgements, conversions: conversions)
    }

    /// The state at the end of `day`, to be stored: no event can change it any more.
    ///
    /// - Returns: with the links that events up to then name.
    public func sealed(
        through day: Int32, _ model: FraudModel, decisions: [Int32: [FraudDecision]]
    ) -> FraudState {
        var keys = FraudLinkKeys()
        for (date, events) in days where date <= day { for event in events { keys.insert(event) } }
        let base = checkpoints.filter { $0.key <= day }.max { $0.key < $1.key }
        var book = base?.value ?? sealed
        for date in days.keys.sorted() where date > base?.key ?? .min && date <= day {
            _ = step(&book, date, model, nil, decisions)
        }
        return book.state(linksOf: keys)
    }
}
