import Domain
import Events
import Storage

/// What became of a record of `conversions.raw`.
struct ConversionOutcome: Encodable, Sendable {
    /// Where the record stands.
    struct Position: Encodable, Sendable {
        let topic: String
        /// nil if the record of the event was dropped since.
        let partition: Int32?
        let offset: Int64?

        init(partition: Int32?, offset: Int64?) {
            topic = TopicName.conversionsRaw
            self.partition = partition
            self.offset = offset
        }
    }

    /// What an accepted conversion says, and what it came to.
    struct Conversion: Encodable, Sendable {
        let conversionId: String
        let amountMinor: Int64
        let currency: String
        let quantity: Int32
        let isTest: Bool
        /// click, coupon or affiliate.
        let attributedBy: String
        let clickId: String?
        let coupon: String?
        let subId: String?
        let country: String?
        /// What is odd about it: recorded, not judged.
        let signals: [CommissionExplanation.Signal]
        /// The referrer's and superseded ones too; empty for a test.
        var commissions: [CommissionRow] = []
    }

    /// accepted, duplicate, rejected, parked or dead.
    let outcome: String
    /// Where it stands in the list: when it occurred, or where that is not readable or later, when it was taken in.
    let at: String
    /// As the event names it; nil if that is not readable.
    let type: String?
    let eventId: String?
    let orderId: String?
    let programId: String?
    /// Whom it counts for now, or whom it names.
    let affiliateId: String?
    let source: Position
    /// Why; nil if it was accepted.
    let code: Int32?
    /// What the code says.
    let sentence: String?
    /// The value that was wrong.
    let measured: String?
    /// The id of the event, order, click or refund that was first.
    let duplicateOf: String?
    /// Same event id, other content: not a repetition but an incident.
    let isConflicting: Bool
    /// Of a parked one: until when it waits.
    let waitsUntil: String?
    /// Of a dead one.
    let deadLetterId: Int64?
    /// Of an accepted one.
    var conversion: Conversion?
}

/// The outcomes that a list shows; nil is no limit.
struct OutcomeFilter: Sendable {
    let range: DayRange
    var outcome: IntakeOutcome?
    var kind: TrackingEvent.Kind?
    var programID: String?
    var affiliateID: String?
    var orderID: String?
    var eventID: String?
    var code: Int32?
    var limit = Form.limitDefault
    var after: OutcomePlace?
}

/// The place of a row in the list: by moment, the newest first; among those of one moment by table, then by its key.
struct OutcomePlace: Hashable, Comparable, Sendable {
    /// The tables that say what became of records, in the order in which rows of one moment stand.
    enum Table: Int, Sendable {
        case conversions, exceptions, parked, deadLetters
    }

    let moment: Timestamp
    let table: Table
    /// Rows of one table and moment, ascending.
    let key: Key

    enum Key: Hashable, Comparable, Sendable {
        case id(Identifier)
        case position(Int32, Int64)
        case number(Int64)
    }

    static func < (left: OutcomePlace, right: OutcomePlace) -> Bool {
        if left.moment != right.moment { return left.moment > right.moment }
        if left.table != right.table { return left.table.rawValue < right.table.rawValue }
        return left.key < right.key
    }

    var cursor: Cursor {
        let key =
            switch key {
            case .id(let id): id.description
            case .position(let partition, let offset): "\(partition):\(offset)"
            case .number(let number): String(number)
            }
        return Cursor(String(moment.microsecondsSinceEpoch), String(table.rawValue), key)
    }

    init(moment: Timestamp, table: Table, key: Key) {
        self.moment = moment
        self.table = table
        self.key = key
    }

    /// - Returns: nil unless `cursor` is the one of a place.
    init?(_ cursor: Cursor) {
        guard let moment = Int64(cursor.fields[0]), let number = Int(cursor.fields[1]),
            let table = Table(rawValue: number)
        else { return nil }
        let parts = cursor.fields[2].split(separator: ":").compactMap { Int64($0) }
        switch table {
        case .conversions, .parked:
            guard let id = Identifier(text: cursor.fields[2]) else { return nil }
            key = .id(id)
        case .exceptions:
            guard parts.count == 2, let partition = Int32(exactly: parts[0]) else { return nil }
            key = .position(partition, parts[1])
        case .deadLetters:
            guard parts.count == 1 else { return nil }
            key = .number(parts[0])
        }
        self.moment = Timestamp(microsecondsSinceEpoch: moment)
        self.table = table
    }
}
