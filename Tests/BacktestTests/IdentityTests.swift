import DevKit
import Domain
import Foundation
import Testing

@Suite("The same events make the same judgements")
struct IdentityTests {
    private static let judged = JudgedWorld(seed: 71, affiliates: 10, days: 12)
    private static let expected = JudgedWorld.judge(days(judged.events))

    private static func days(_ events: [FraudEvent]) -> FraudDays {
        var days = FraudDays()
        for event in events { days.observe(event) }
        return days
    }

    @Test("in any order, and each told twice", arguments: [UInt64(1), 2])
    func order(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var events = IdentityTests.judged.events + IdentityTests.judged.events.prefix(300)
        for index in events.indices.reversed() where index > 0 { events.swapAt(index, random.below(index + 1)) }
        #expect(JudgedWorld.judge(IdentityTests.days(events)) == IdentityTests.expected)
    }

    @Test("in batches of partitions, merged in any order", arguments: [2, 5])
    func partitions(count: Int) {
        let parts = (0..<count).map { part in
            IdentityTests.days(IdentityTests.judged.events.filter { Int($0.key % UInt64(count)) == part })
        }
        var merged = FraudDays()
        for part in parts.reversed() { merged.merge(part) }
        #expect(JudgedWorld.judge(merged) == IdentityTests.expected)
    }

    @Test("from a restart on any day, with the state as it was stored", arguments: [1, 5, 10])
    func restart(after count: Int) throws {
        var days = IdentityTests.days(IdentityTests.judged.events)
        var book = FraudBook()
        var said: [String] = []
        for day in days.list.prefix(count) { said += JudgedWorld.step(&book, &days, day) }
        let stored = try JSONEncoder().encode(book)
        said += JudgedWorld.judge(days, book: try JSONDecoder().decode(FraudBook.self, from: stored))
        #expect(said == IdentityTests.expected)
    }

    @Test("and nothing of a later day is in an earlier one")
    func past() {
        let list = IdentityTests.days(IdentityTests.judged.events).list
        let cut = list[list.count / 2]
        let early = JudgedWorld.judge(IdentityTests.days(IdentityTests.judged.events.filter { $0.at.day <= cut }))
        #expect(early == Array(IdentityTests.expected.prefix(early.count)))
        #expect(!early.isEmpty)
    }
}
