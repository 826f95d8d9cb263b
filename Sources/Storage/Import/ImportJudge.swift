import Domain
import Events

/// Says of each row of a file whether it is new, known or bad, each row seeing the ones before it.
///
/// What it says is what intake would say, in the same order of checks: known event, time, then the order, click or
/// refund. An id that the file did not give was made from the order, so there the order answers first. Whether
/// programme and affiliate exist is for intake to say: they may be there by then.
struct ImportJudge: Sendable {
    /// What the database knows of a chunk of rows.
    struct Known: Sendable {
        /// Content hashes.
        var events: [MonthKey: Identifier] = [:]
        /// Orders, clicks and refunds that were recorded, refunds that were reversed.
        var subjects: Set<Subject> = []
    }

    /// What an event is the only one about.
    struct Subject: Hashable, Sendable {
        let kind: TrackingEvent.Kind
        let key: Identifier
        /// Of a click, whose id is good for a month; 0 for what is known for ever.
        var month: Int32 = 0
    }

    enum Verdict: Sendable {
        case new(TrackingEvent, payload: [UInt8])
        case finding(ImportFinding)
    }

    private struct Place {
        let line: Int32
        let contentHash: Identifier
    }

    private let now: Timestamp
    /// What the file calls the column of the events' time.
    private let timeTitle: String
    private var events: [MonthKey: Place] = [:]
    private var subjects: [Subject: Int32] = [:]

    init(_ file: ImportFile, at now: Timestamp) {
        self.now = now
        timeTitle = file.title(of: "occurred_at")
    }

    mutating func judge(_ row: ImportedRow, _ known: Known) -> Verdict {
        switch row.reading {
        case .bad(let fault):
            return .finding(
                ImportFinding(
                    line: row.line, outcome: .bad, code: fault.code, title: fault.column, measured: fault.measured,
                    cells: row.cells))
        case .event(let event, let payload, let isIdentified):
            if let (code, original) = repetition(of: event, isIdentified: isIdentified, known) {
                return .finding(
                    ImportFinding(
                        line: row.line, outcome: .duplicate, code: code, measured: original.id, original: original,
                        cells: row.cells))
            }
            if let objection = event.timeObjection(at: now) {
                return .finding(
                    ImportFinding(
                        line: row.line, outcome: .bad, code: objection, title: timeTitle,
                        measured: event.occurredAt.rfc3339, cells: row.cells))
            }
            let line = Int32(clamping: row.line)
            events[event.monthKey] = Place(line: line, contentHash: event.contentHash)
            subjects[event.subject.value] = line
            return .new(event, payload: payload)
        }
    }

    private typealias Repetition = (code: ReasonCode, original: ImportFinding.Original)

    private func repetition(of event: TrackingEvent, isIdentified: Bool, _ known: Known) -> Repetition? {
        let byEvent = knownEvent(event, isIdentified: isIdentified, known)
        let bySubject = knownSubject(event, known)
        return isIdentified ? byEvent ?? bySubject : bySubject ?? byEvent
    }

    private func knownEvent(_ event: TrackingEvent, isIdentified: Bool, _ known: Known) -> Repetition? {
        let place = events[event.monthKey]
        guard let contentHash = place?.contentHash ?? known.events[event.monthKey] else { return nil }
        // An id of our own making names what the row is about, not how the file writes it.
        let isSame = contentHash == event.contentHash || !isIdentified
        return (
            isSame ? .duplicateEvent : .conflictingContent,
            ImportFinding.Original(id: event.eventID, line: place?.line)
        )
    }

    private func knownSubject(_ event: TrackingEvent, _ known: Known) -> Repetition? {
        let (subject, code, id) = event.subject
        let line = subjects[subject]
        guard line != nil || known.subjects.contains(subject) else { return nil }
        return (code, ImportFinding.Original(id: id, line: line))
    }
}

extension ImportJudge.Subject {
    init(click: MonthKey) {
        self.init(kind: .click, key: click.key, month: click.month)
    }
}

extension TrackingEvent {
    /// What it is the only one about, the code of a second one, and the name of it in the file.
    var subject: (value: ImportJudge.Subject, code: ReasonCode, id: String) {
        switch kind {
        case .click:
            (ImportJudge.Subject(click: clickMonthKey ?? monthKey), .duplicateClick, clickID ?? eventID)
        case .conversion:
            (ImportJudge.Subject(kind: kind, key: conversionID), .duplicateOrder, orderID ?? eventID)
        // A refund and a chargeback of one id are the same money.
        case .refund, .chargeback:
            (ImportJudge.Subject(kind: .refund, key: refundKey), .duplicateRefund, refundID)
        case .refundReversal:
            (ImportJudge.Subject(kind: kind, key: refundKey), .duplicateReversal, refundID)
        }
    }
}
