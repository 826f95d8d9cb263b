import Domain
import Testing

@Suite("The fraud engine's stored state")
struct FraudStateTests {
    private static func click(_ number: Int, day: Int32, affiliate: UInt64) -> FraudEvent {
        let at = Timestamp(secondsSinceEpoch: Int64(day) * 86_400 + Int64(number))
        var event = FraudEvent(
            kind: .click, key: FraudHash.mixed(UInt64(day) << 20 | UInt64(number)), at: at, affiliate: affiliate,
            program: 9)
        event.click = event.key
        event.device = UInt64(1 + number % 7)
        event.country = FraudEvent.country("DE")
        return event
    }

    private static func order(after click: FraudEvent) -> FraudEvent {
        var event = click
        event.kind = .conversion
        event.key = FraudHash.mixed(click.key)
        event.at = click.at.adding(seconds: 300)
        event.order = event.key
        event.customer = click.device + 100
        event.amountMinor = 5_000
        return event
    }

    /// Days 100 to 104, each with some clicks and orders of three affiliates.
    private static let events: [FraudEvent] = (100..<105).flatMap { day in
        (0..<30).flatMap { number -> [FraudEvent] in
            let click = click(number, day: Int32(day), affiliate: UInt64(1 + number % 3))
            return number % 5 == 0 ? [click, order(after: click)] : [click]
        }
    }

    private static func keys(_ events: [FraudEvent]) -> FraudLinkKeys {
        var keys = FraudLinkKeys()
        for event in events { keys.insert(event) }
        return keys
    }

    private static func timeline(
        _ events: [FraudEvent], on state: FraudState = FraudState(), through day: Int32 = .min
    ) throws -> FraudTimeline {
        var timeline = FraudTimeline(try FraudBook(state), through: day)
        try timeline.add(events, missing: timeline.missing(events), links: [], clickDays: 30)
        _ = timeline.judge(FraudContext(), .standard, decisions: [:])
        return timeline
    }

    @Test("State that is stored and read again is the same to the byte")
    func roundTrip() throws {
        let state = try Self.timeline(Self.events).sealed(through: 104, .standard, decisions: [:])
        let keys = Self.keys(Self.events)
        #expect(state.pairs.count == 3 && state.standings.count == 3 && state.links.count > 100)
        #expect(try FraudBook(state).state(linksOf: keys) == state)
    }

    @Test("A state that was cut short or changed is refused or another state, and never traps")
    func damaged() throws {
        let state = try Self.timeline(Self.events).sealed(through: 104, .standard, decisions: [:])
        for cut in stride(from: 1, to: state.world.count, by: 7) {
            var damaged = state
            damaged.world = Array(state.world.prefix(cut))
            #expect(throws: UnreadableState.self) { try FraudBook(damaged) }
        }
        for (pair, bytes) in state.pairs {
            for place in stride(from: 0, to: bytes.count, by: 3) {
                var damaged = state
                damaged.pairs[pair]?[place] = 0xFF
                _ = try? FraudBook(damaged)  // Only that it does not trap.
            }
        }
    }

    @Test("Days that are sealed one by one end in the state of days that are sealed at once", arguments: [101, 103])
    func steps(day: Int32) throws {
        let expected = try Self.timeline(Self.events).sealed(through: 104, .standard, decisions: [:])
        let early = Self.events.filter { $0.at.day <= day }
        let first = try Self.timeline(early).sealed(through: day, .standard, decisions: [:])
        let late = Self.events.filter { $0.at.day > day }
        let second = try Self.timeline(late, on: first, through: day)
        var state = second.sealed(through: 104, .standard, decisions: [:])
        #expect(state.world == expected.world && state.pairs == expected.pairs)
        #expect(state.standings == expected.standings)
        // The links that no later event names are those of before.
        let named = Set(state.links.map(\.key))
        state.links += first.links.filter { !named.contains($0.key) }
        #expect(Set(state.links) == Set(expected.links))
    }

    @Test("An event of a sealed day counts on the day after, and opens no sealed day again")
    func late() throws {
        let early = Self.events.filter { $0.at.day <= 102 }
        let state = try Self.timeline(early).sealed(through: 102, .standard, decisions: [:])
        var timeline = FraudTimeline(try FraudBook(state), through: 102)
        let late = [Self.click(99, day: 101, affiliate: 1)]
        try timeline.add(late, missing: timeline.missing(late), links: [], clickDays: 30)
        let judged = timeline.judge(FraudContext(), .standard, decisions: [:])
        #expect(judged.map(\.day) == [103])
        #expect(judged.first?.judgements.map(\.affiliate) == [1])
        #expect(timeline.judge(FraudContext(), .standard, decisions: [:]).isEmpty)
    }

    @Test("An event that is weeks late counts on a day whose keys are no longer known one by one")
    func weeksLate() throws {
        let days: [Int32] = [100, 120]
        let state = try Self.timeline(days.map { Self.click(1, day: $0, affiliate: 1) })
            .sealed(through: 120, .standard, decisions: [:])
        var timeline = FraudTimeline(try FraudBook(state), through: 120)
        let late = [Self.click(2, day: 100, affiliate: 1)]
        try timeline.add(late, missing: timeline.missing(late), links: [], clickDays: 30)
        #expect(timeline.judge(FraudContext(), .standard, decisions: [:]).map(\.day) == [121])
    }

    @Test("A device is forgotten thirty days after its last use, whether it clicked once, more often, or bought")
    func devices() {
        func event(_ kind: FraudEvent.Kind, _ key: UInt64, device: UInt64, day: Int32, second: Int64) -> FraudEvent {
            let at = Timestamp(secondsSinceEpoch: Int64(day) * 86_400 + second)
            var event = FraudEvent(kind: kind, key: key, at: at, affiliate: 5, program: 6)
            event.device = device
            if kind == .conversion { (event.order, event.customer) = (key, key) }
            return event
        }
        let table: [(day: Int32, events: [FraudEvent], remembered: Int)] = [
            (100, [event(.click, 1, device: 1, day: 100, second: 1)], 1),
            (101, [event(.click, 2, device: 2, day: 101, second: 1)], 2),
            (102, [event(.click, 3, device: 2, day: 102, second: 1)], 2),
            (103, [event(.conversion, 4, device: 3, day: 103, second: 1)], 3),
            (110, [event(.conversion, 5, device: 1, day: 110, second: 1)], 3),
            (132, [event(.click, 6, device: 4, day: 132, second: 1)], 3),
            (133, [event(.click, 7, device: 4, day: 133, second: 1)], 2),
            (140, [event(.click, 8, device: 4, day: 140, second: 1)], 1),
        ]
        var book = FraudBook()
        for (day, events, remembered) in table {
            _ = book.close(day, events, FraudContext(), .standard)
            #expect(book.deviceCount == remembered, "on day \(day)")
        }
    }
}
