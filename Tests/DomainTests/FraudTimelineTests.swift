import Domain
import Testing

@Suite("Open days")
struct FraudTimelineTests {
    /// Numbers that a seed makes.
    private struct Numbers {
        var state: UInt64

        mutating func below(_ limit: Int) -> Int {
            state = FraudHash.mixed(state &+ 0x9E37_79B9_7F4A_7C15)
            return Int(state % UInt64(limit))
        }
    }

    /// Few devices, customers and clicks over more days than any of them is remembered, so that all come again: some in
    /// time, some too late; and more than a month in which nothing comes. Two affiliates sell on the same devices.
    private static let events: [FraudEvent] = {
        var numbers = Numbers(state: 11)
        var events: [FraudEvent] = []
        for day in (100..<150).filter({ !(112..<118).contains($0) }) + Array(190..<196) {
            for _ in 0..<12 {
                let kind = [FraudEvent.Kind.click, .click, .conversion, .conversion, .refund][numbers.below(5)]
                let at = Timestamp(secondsSinceEpoch: Int64(day) * 86_400 + Int64(numbers.below(86_400)))
                var event = FraudEvent(
                    kind: kind, key: UInt64(events.count + 1), at: at, affiliate: UInt64(1 + numbers.below(5)),
                    program: UInt64(7 + numbers.below(2)))
                event.device = UInt64(1 + numbers.below(60))
                event.click = UInt64(1 + numbers.below(300))
                event.order = UInt64(1 + numbers.below(400))
                event.customer = UInt64(1_000 + numbers.below(80))
                event.amountMinor = Int64(1_000 + numbers.below(5) * 500)
                event.country = FraudEvent.country(["DE", "FR", "US"][numbers.below(3)])
                events.append(event)
            }
            for affiliate: UInt64 in 6...7 {
                let at = Timestamp(secondsSinceEpoch: Int64(day) * 86_400 + Int64(affiliate))
                var event = FraudEvent(
                    kind: .conversion, key: UInt64(events.count + 1), at: at, affiliate: affiliate, program: 7)
                event.device = UInt64(200 + day % 12)
                event.amountMinor = 1_000
                events.append(event)
            }
        }
        return events
    }()

    /// What the engine says with everything in memory, day after day.
    private static let expected: [Int32: [String]] = {
        var days = FraudDays()
        for event in events { days.observe(event) }
        var book = FraudBook()
        var said: [Int32: [String]] = [:]
        for day in days.list {
            let conversions = book.close(day, days.close(day), FraudContext(), .standard)
            said[day] = StoredDays.words(book.judge(.standard), conversions)
        }
        return said
    }()

    private func check(_ said: [Int32: [String]]) {
        #expect(said.keys.sorted() == Self.expected.keys.sorted())
        for day in said.keys.sorted() where said[day] != Self.expected[day] {
            Issue.record("day \(day) is another")
            return
        }
    }

    @Test(
        "Days are judged as if all were in memory, however their events come and however little is held",
        arguments: [(seed: UInt64(1), linksHeld: 0), (2, 200), (3, 100_000)])
    func order(seed: UInt64, linksHeld: Int) throws {
        var numbers = Numbers(state: seed)
        var events = Self.events + Self.events.prefix(20)
        // Mostly in order; a tenth comes anywhere.
        for index in events.indices where numbers.below(10) == 0 { events.swapAt(index, numbers.below(events.count)) }
        var days = StoredDays(linksHeld: linksHeld)
        var rest = events[...]
        while !rest.isEmpty {
            let batch = rest.prefix(1 + numbers.below(250))
            rest = rest.dropFirst(batch.count)
            try days.judge(Array(batch))
            if numbers.below(5) == 0 {
                try days.restart()
                try days.judge([])
            }
        }
        check(days.said)
        #expect(days.said.values.joined().contains { $0.contains("deviceRing") })
        #expect(linksHeld > 10_000 || days.openCount > 0)
    }

    @Test("Days that are sealed meanwhile change nothing of what is said", arguments: [0, 50, 100_000])
    func sealed(linksHeld: Int) throws {
        var days = StoredDays(linksHeld: linksHeld)
        for day: Int32 in 100..<200 {
            try days.judge(Self.events.filter { $0.at.day == day })
            // Only a day with events is ever the last that is sealed.
            if day % 9 == 0, Self.expected[day - 3] != nil { try days.seal(through: day - 3) }
        }
        check(days.said)
        var once = StoredDays()
        try once.judge(Self.events)
        try once.seal(through: 195)
        try days.seal(through: 195)
        #expect(days.state == once.state)
        #expect(days.links == once.links && !days.links.isEmpty)
    }

    @Test("A late event opens its day and those behind it, and no others")
    func late() throws {
        var days = StoredDays(linksHeld: 50)
        try days.judge(Self.events)
        var late = Self.events[10]
        late.key = 77_777
        late.at = Timestamp(secondsSinceEpoch: 140 * 86_400)
        #expect(try days.judge([late]) == Self.expected.keys.filter { $0 >= 140 }.sorted())
        #expect(try days.judge([]).isEmpty)
    }
}
