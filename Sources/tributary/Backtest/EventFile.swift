import Domain
import Events
import Foundation

/// The events of a file by day, with the names behind their hashes.
struct EventFile {
    /// Bad lines that are shown one by one.
    private static let shownMaximum = 10

    private(set) var days = FraudDays()
    /// Affiliates by hash.
    private(set) var affiliates: [UInt64: String] = [:]
    /// Ids of conversions by hash.
    private(set) var conversions: [UInt64: String] = [:]
    private(set) var lines = 0
    private(set) var events = 0
    private(set) var bad = 0
    /// The first bad lines, each in a sentence.
    private var complaints: [String] = []
    private let reading: FraudEventReading

    init(reading: FraudEventReading = FraudEventReading()) { self.reading = reading }

    /// Reads all lines; those that are no event are counted and the first of them reported.
    mutating func read(_ path: String) throws {
        var file = try LineReader(path: path)
        while let line = try file.next() { take(line) }
    }

    /// Says what was read, for a person.
    func report(path: String) {
        for line in complaints { complain(line) }
        let others = lines - events - bad
        let left = others > 0 ? ", \(others) tests and reversals of refunds, left out" : ""
        complain("\(lines) lines, \(events) events, \(bad) bad lines\(left)")
        if events == 0 { complain("\(path) has no events: nothing was judged") }
    }

    mutating func take(_ line: [UInt8]) {
        lines += 1
        switch TrackingEventReader.read(line[...]) {
        case .event(let event): keep(event)
        case .rejected(let rejection): refuse(rejection.code, rejection.measured)
        case .unreadable(let code, let measured): refuse(code, measured)
        case .futureSchema(let major): refuse(.mistypedField, "schema major \(major)")
        }
    }

    private mutating func keep(_ event: TrackingEvent) {
        guard let read = reading.read(event) else { return }
        events += 1
        days.observe(read)
        if let name = event.affiliateID, affiliates[read.affiliate] == nil { affiliates[read.affiliate] = name }
        if read.kind == .conversion { conversions[read.key] = event.eventID }
    }

    private mutating func refuse(_ code: ReasonCode, _ measured: String) {
        bad += 1
        guard complaints.count < EventFile.shownMaximum else { return }
        complaints.append("line \(lines): \(code.rawValue) \(code.sentence) \(measured)")
    }
}
