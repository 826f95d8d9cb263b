/// Events as they come in, by the day on which they occurred, until that day is closed.
///
/// A set: the same events make the same days however they were batched, ordered, merged or repeated.
public struct FraudDays: Sendable, Codable {
    /// Events kept at most; the caller closes days before.
    public static let eventsMaximum = 50_000_000

    private var days: [Int32: [FraudEvent]] = [:]

    public init() {}

    public mutating func observe(_ event: FraudEvent) { days[event.at.day, default: []].append(event) }

    public mutating func merge(_ other: FraudDays) {
        for (day, events) in other.days { days[day, default: []] += events }
    }

    /// Events that count on `day`, whenever they occurred.
    mutating func merge(_ day: Int32, _ events: [FraudEvent]) { days[day, default: []] += events }

    /// The days with events, in ascending order.
    public var list: [Int32] { days.keys.sorted() }

    /// Takes a day out: its events in order, each once.
    public mutating func close(_ day: Int32) -> [FraudEvent] {
        guard var events = days.removeValue(forKey: day) else { return [] }
        events.sort(by: FraudEvent.precedes)
        var seen: Set<UInt64> = []
        seen.reserveCapacity(events.count)
        return events.filter { seen.insert($0.key).inserted }
    }
}
