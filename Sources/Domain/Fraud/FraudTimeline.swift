/// The days that may still change, on the engine's state at the end of the last that may not.
///
/// What it says of a day depends on the set of its events and on the days before, never on how the events came in: a
/// late one opens its day and all later ones again. It asks for one day's events at a time and keeps none of them. Of
/// the keys that they name it keeps the records of the last days, up to a number; those of the days before are stored
/// outside, and asked for where a day names them. The rest of its state is kept at the end of some days, the denser the
/// later, so that a late event costs few more days than those behind it.
public struct FraudTimeline: Sendable {
    /// Records of links in memory, beside those of the day at hand.
    public static let linksHeldMaximum = 300_000

    /// What was found on one day.
    public struct JudgedDay: Sendable {
        public let day: Int32
        public let judgements: [FraudJudgement]
        public let conversions: [ConversionScore]
    }

    /// What a day needs of the stored links.
    public struct Wanted: Sendable {
        /// At whose end.
        public let day: Int32
        public let keys: FraudLinkKeys
        /// Devices on which something was bought and whose last use was then are forgotten by the day: they count no
        /// more. Empty if there are none.
        public let forgotten: Range<Int32>
    }

    /// Without rings, as the states that are kept.
    private let sealed: FraudBook
    /// The last day that cannot change; what comes later of it, and of those before, counts on the day after.
    public let sealedThrough: Int32
    private let linksHeldMaximum: Int
    /// As of the last day that was taken; without links.
    private var book: FraudBook
    private var days: Set<Int32> = []
    private var checkpoints: [Int32: FraudBook] = [:]
    /// What each kept state's rings are more than those of the one before.
    private var ringChanges: [Int32: RingBook.Counts] = [:]
    private var pages: [Int32: LinkPage] = [:]
    private var hasStoredPages = false
    private var dirtyFrom: Int32?
    private var context = FraudContext()
    private var model = FraudModel.standard
    private var candidate: FraudModel?

    public init(_ sealed: FraudBook, through day: Int32, linksHeldMaximum: Int = linksHeldMaximum) {
        book = sealed
        var sealed = sealed
        _ = sealed.takeRings()
        self.sealed = sealed
        sealedThrough = day
        self.linksHeldMaximum = linksHeldMaximum
    }

    public var isJudged: Bool { dirtyFrom == nil }
    /// For how many days clicks are remembered, as of the last judgement.
    public var clickDays: Int32 { context.clickDays }
    /// The day that is to be taken next; nil after the last.
    public var next: Int32? { days.filter { $0 > book.day ?? .min }.min() }
    /// The state at the end of the last day that was taken.
    public var state: FraudState { book.state }

    /// The day on which an event counts.
    public func place(_ day: Int32) -> Int32 { sealedThrough == .min ? day : max(day, sealedThrough + 1) }

    /// The days of the events that count on a day.
    public func dates(of day: Int32) -> ClosedRange<Int32> {
        sealedThrough != .min && day == sealedThrough + 1 ? .min...day : day...day
    }

    /// Tells that there are events of a day that were not there before.
    public mutating func note(eventsOn day: Int32) {
        let day = place(day)
        days.insert(day)
        dirtyFrom = min(dirtyFrom ?? day, day)
    }

    /// Goes back to before the first day that changed.
    ///
    /// - Parameter candidate: says silently beside the model what it would.
    public mutating func begin(_ context: FraudContext, _ model: FraudModel, beside candidate: FraudModel? = nil) {
        if context != self.context
            || [model.version, candidate?.version] != [self.model.version, self.candidate?.version]
        {
            dirtyFrom = .min
        }
        (self.context, self.model, self.candidate) = (context, model, candidate)
        guard let first = dirtyFrom else { return }
        rewind(to: first == .min ? .min : first - 1)
    }

    /// Goes back to the end of the last day up to `day` of which the state is kept.
    public mutating func rewind(to day: Int32) {
        var rings = book.takeRings()
        for later in checkpoints.keys.filter({ $0 > day }) {
            checkpoints[later] = nil
            if let changes = ringChanges.removeValue(forKey: later) { rings.takeBack(changes) }
        }
        book = checkpoints.max { $0.key < $1.key }?.value ?? sealed
        book.links.rings = rings
        pages = pages.filter { $0.key <= book.day ?? .min }
    }

    /// What is needed to take a day.
    public func wanted(_ day: Int32, _ keys: FraudLinkKeys) -> Wanted? {
        guard let last = book.day, sealedThrough != .min || hasStoredPages else { return nil }
        var keys = keys
        for page in pages.values {
            keys.remove { page.says(of: $0, $1) }
        }
        return Wanted(day: last, keys: keys, forgotten: forgotten(by: day, after: last))
    }

    private func forgotten(by day: Int32, after last: Int32) -> Range<Int32> {
        (last - LinkBook.deviceDays + 1)..<(day - LinkBook.deviceDays + 1)
    }

    /// Takes a day's events, and with that ends it.
    ///
    /// - Parameters:
    ///   - events: all of the day, however they came.
    ///   - stored: the links that were wanted.
    ///   - decisions: of the day; they count from the next.
    /// - Returns: nil if what was said of the day before is still true.
    public mutating func take(
        _ day: Int32, _ events: [FraudEvent], keys: FraudLinkKeys, stored: [FraudLink], decisions: [FraudDecision]
    ) throws(UnreadableState) -> JudgedDay? {
        book.links.open(try page(day, keys, stored))
        var set = FraudDays()
        set.merge(day, events)
        let conversions = book.close(day, set.close(day), context, model)
        pages[day] = book.links.close(keys)
        let judgements = book.judge(model, beside: candidate)
        for decision in decisions { _ = book.decide(decision) }
        ringChanges[day] = book.links.rings.today
        keep(day)
        guard let first = dirtyFrom, day >= first else { return nil }
        dirtyFrom = next
        return JudgedDay(day: day, judgements: judgements, conversions: conversions)
    }

    /// The records that a day's events name, and those that it lets go.
    private func page(
        _ day: Int32, _ keys: FraudLinkKeys, _ stored: [FraudLink]
    ) throws(UnreadableState) -> LinkPage {
        var opened = LinkPage()
        guard let last = book.day else { return opened }
        let recent = pages.sorted { $0.key > $1.key }.map(\.value)
        for (kind, key) in keys.list {
            for page in recent where opened.take(kind, key, from: page, asOf: last, clickDays: clickDays) { break }
        }
        for link in stored where !link.bytes.isEmpty {
            guard link.day > last - link.kind.daysKept(clickDays: clickDays) else { continue }
            // What a later day in memory says of it counts more.
            if recent.contains(where: { $0.says(of: link.kind, link.key) }) { continue }
            try opened.take(link)
        }
        let forgotten = forgotten(by: day, after: last)
        for (index, page) in recent.enumerated() {
            page.devices.forEachBuyer { key, record in
                guard forgotten.contains(record.lastDay), !keys.devices.contains(key) else { return }
                if recent[..<index].contains(where: { $0.says(of: .device, key) }) { return }
                opened.devices[key] = record
            }
        }
        return opened
    }

    /// Keeps the state at the end of a day, and of those before it one, the oldest, of those that are 2 to 3, 4 to 7 …
    /// days old.
    private mutating func keep(_ latest: Int32) {
        let rings = book.takeRings()
        checkpoints[latest] = book
        book.links.rings = rings
        var ages: Set<Int> = []
        let days = checkpoints.keys.sorted()
        for (day, next) in zip(days, days.dropFirst()) {
            let age = UInt32(clamping: Int64(latest) - Int64(day) + 1)
            guard !ages.insert(age.leadingZeroBitCount).inserted else { continue }
            checkpoints[day] = nil
            if let changes = ringChanges.removeValue(forKey: day) { ringChanges[next]?.add(changes) }
        }
    }

    // MARK: Links that are stored outside

    /// The day whose links are to be stored first, since there are too many in memory; nil if there are not.
    public var crowded: Int32? {
        guard pages.values.reduce(0, { $0 + $1.count }) > linksHeldMaximum else { return nil }
        return pages.keys.min()
    }

    /// The days up to `day` whose links are in memory, in order.
    public func held(through day: Int32) -> [Int32] { pages.keys.filter { $0 <= day }.sorted() }

    /// The links of a day as of its end.
    public func links(of day: Int32) -> [FraudLink] { pages[day]?.links(on: day) ?? [] }

    /// Tells that the links of a day are stored, and lets go of them.
    public mutating func letGo(linksOf day: Int32) {
        pages[day] = nil
        hasStoredPages = true
    }
}
