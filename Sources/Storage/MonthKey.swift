public import Domain
public import Events
import Postgres

/// A hash that names one thing within a UTC month of `occurred_at`: the partition in which its row lies.
///
/// A true repetition of an event has the event's own time, so it is recognised for as long as the month is kept.
public struct MonthKey: Hashable, Comparable, Sendable {
    public let key: Identifier
    /// The first day of the month, in days since 1970-01-01.
    public let month: Int32

    public init(_ key: Identifier, at moment: Timestamp) {
        self.key = key
        month = CivilDate(daysSinceEpoch: moment.day).firstOfMonth.daysSinceEpoch
    }

    public static func < (left: MonthKey, right: MonthKey) -> Bool {
        (left.month, left.key) < (right.month, right.key)
    }
}

extension TrackingEvent {
    /// Names the event among those of its month.
    public var monthKey: MonthKey { MonthKey(eventKey, at: occurredAt) }

    /// Names the click among those of its month; nil without a click id.
    public var clickMonthKey: MonthKey? { clickKey.map { MonthKey($0, at: occurredAt) } }
}

/// The span of whole months in which keys lie.
struct MonthSpan: Sendable {
    let start: Timestamp
    /// Not part of it.
    let end: Timestamp

    /// - Returns: nil without keys.
    init?(_ keys: some Sequence<MonthKey>) {
        let months = keys.lazy.map(\.month)
        guard let first = months.min(), let last = months.max() else { return nil }
        start = CivilDate(daysSinceEpoch: first).midnight
        end = CivilDate(daysSinceEpoch: last).adding(months: 1).midnight
    }
}

extension Row {
    /// A key and the moment whose month it belongs to.
    func monthKey(_ column: Int, at moment: Int) throws(PostgresError) -> MonthKey {
        MonthKey(try identifier(column), at: Timestamp(microsecondsSinceEpoch: try timestamp(moment)))
    }
}
