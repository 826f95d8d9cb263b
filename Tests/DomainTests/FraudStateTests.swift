import Testing

@testable import Domain

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

    /// - Parameter day: the last that is sealed.
    private static func days(_ events: [FraudEvent], sealedThrough day: Int32) throws -> StoredDays {
        var days = StoredDays()
        try days.judge(events)
        try days.seal(through: day)
        return days
    }

    @Test("State that is stored and read again is the same to the byte")
    func roundTrip() throws {
        let days = try Self.days(Self.events, sealedThrough: 104)
        #expect(days.state.pairs.count == 3 && days.state.standings.count == 3 && days.links.count > 100)
        #expect(try FraudBook(days.state).state == days.state)
    }

    @Test("A state from before coupons' uses were counted is read: each is its first user's")
    func beforeCoupons() throws {
        var events = Self.events
        let last = try #require(events.indices.last { events[$0].kind == .conversion })
        events[last].coupon = 77
        var state = try Self.days(events, sealedThrough: 104).state
        let now = try FraudBook(state)
        #expect(now.links.coupons[77]?.uses == 1)
        // One coupon, its uses, and no others.
        #expect(state.world.suffix(3) == [1, 1, 0])
        state.world.removeLast(3)
        #expect(throws: UnreadableState.self) { try FraudBook(state) }
        state.version = 1
        let before = try FraudBook(state)
        #expect(before.links.coupons[77]?.owner == now.links.coupons[77]?.owner)
        #expect(before.links.coupons[77]?.uses == CouponRecord.usesMinimum)
        #expect(before.pairs.count == now.pairs.count && before.links.rhythm == now.links.rhythm)
    }

    @Test("A state that was cut short or changed is refused or another state, and never traps")
    func damaged() throws {
        let state = try Self.days(Self.events, sealedThrough: 104).state
        for cut in stride(from: 1, to: state.world.count, by: 7) {
            var damaged = state
            damaged.world = Array(state.world.prefix(cut))
            #expect(throws: UnreadableState.self) { try FraudBook(damaged) }
        }
        for (pair, bytes) in state.pairs {
            for place in stride(from: 0, to: bytes.count, by: 3) {
                var damaged = state
                damaged.pairs[pair]?[place] = 0xFF
                // Only that neither it nor what comes of it traps.
                guard var book = try? FraudBook(damaged) else { continue }
                _ = book.close(105, [], FraudContext(), .standard)
                _ = book.judge(.standard)
            }
        }
    }

    @Test("Days that are sealed one by one end in the state of days that are sealed at once", arguments: [101, 103])
    func steps(day: Int32) throws {
        let expected = try Self.days(Self.events, sealedThrough: 104)
        var days = try Self.days(Self.events.filter { $0.at.day <= day }, sealedThrough: day)
        try days.judge(Self.events.filter { $0.at.day > day })
        try days.seal(through: 104)
        #expect(days.state == expected.state)
        #expect(days.links == expected.links)
    }

    @Test("An event of a sealed day counts on the day after, and opens no sealed day again")
    func late() throws {
        var days = try Self.days(Self.events.filter { $0.at.day <= 102 }, sealedThrough: 102)
        #expect(try days.judge([Self.click(99, day: 101, affiliate: 1)]) == [103])
        #expect(days.said[103]?.count == 1 && days.said[103]?.first?.hasPrefix("1 ") == true)
        #expect(try days.judge([]).isEmpty)
    }

    @Test("An event that is weeks late counts on a day whose keys are no longer known one by one")
    func weeksLate() throws {
        let early = [100, 120].map { Self.click(1, day: $0, affiliate: 1) }
        var days = try Self.days(early, sealedThrough: 120)
        #expect(try days.judge([Self.click(2, day: 100, affiliate: 1)]) == [121])
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
