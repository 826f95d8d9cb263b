import DevKit
import Domain
import Events

/// A small made world, day by day through the engine.
struct JudgedWorld {
    let world: World
    let events: [FraudEvent]

    init(seed: UInt64, cheats: [CheatKind] = CheatKind.allCases, affiliates: Int = 14, days: Int = 16) {
        var plan = WorldPlan(seed: seed)
        plan.cheats = cheats
        plan.affiliates = affiliates...affiliates
        plan.days = days...days
        plan.intensity = 1...3
        world = World(plan)
        let reading = FraudEventReading()
        events = world.lines.compactMap { line in
            guard case .event(let event) = TrackingEventReader.read(line[...]) else { return nil }
            return reading.read(event)
        }
    }

    /// What the engine says, as text that is equal only if every bit is.
    static func judge(_ days: FraudDays, book: FraudBook = FraudBook(), from first: Int32 = .min) -> [String] {
        var (days, book) = (days, book)
        var said: [String] = []
        for day in days.list where day >= first { said += step(&book, &days, day) }
        return said
    }

    static func step(_ book: inout FraudBook, _ days: inout FraudDays, _ day: Int32) -> [String] {
        let scores = book.close(day, days.close(day), FraudContext(), .standard)
        let judgements = book.judge(.standard)
        return judgements.map { "\($0.day) \($0.affiliate) \($0.probability.bitPattern) \($0.verdict)" }
            + scores.map { "\($0.event) \($0.probability.bitPattern) \($0.signals)" }
    }
}
