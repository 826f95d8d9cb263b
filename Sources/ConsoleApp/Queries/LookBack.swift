import Domain
import Events
import Postgres

/// Looks for the newest rows of a span of time, in steps back that grow: a page of the newest costs what it shows, and
/// only a filter that hardly anything meets costs the whole span.
enum LookBack {
    static let firstStepSeconds: Int64 = 3_600
    /// With it a year takes eight steps.
    static let growth: Int64 = 4
    /// Days of a list that nobody said the beginning of.
    static let daysDefault: Int32 = 92
    /// Days that one list may ask for.
    static let daysMaximum: Int32 = 366

    /// - Parameter find: up to so many rows from a moment on and before another, newest first.
    /// - Returns: up to `limit` rows, newest first.
    static func rows<Row>(
        from first: Timestamp, before last: Timestamp, limit: Int,
        _ find: (_ from: Timestamp, _ before: Timestamp, _ limit: Int) throws(PostgresError) -> [Row]
    ) throws(PostgresError) -> [Row] {
        var rows: [Row] = []
        var (end, step) = (last, firstStepSeconds)
        while end > first, rows.count < limit {
            let start = max(first, end.adding(seconds: -step))
            rows += try find(start, end, limit - rows.count)
            (end, step) = (start, step * growth)
        }
        return rows
    }
}

/// The days of a list, as `from` and `to` say them.
struct DayRange: Hashable, Sendable {
    /// nil: nobody said.
    let from: Timestamp?
    /// Exclusive.
    let before: Timestamp

    /// - Parameter now: with the time by which clocks may differ, the end of a list that nobody said the end of.
    init(_ query: Form, at now: Timestamp) throws(Problem) {
        let (first, last) = try ReadRoutes.range(query)
        from = first.map { Timestamp(secondsSinceEpoch: Int64($0) * 86_400) }
        before =
            last.map { Timestamp(secondsSinceEpoch: (Int64($0) + 1) * 86_400) }
            ?? now.adding(seconds: TrackingEvent.futureSecondsMaximum)
        if let from, before > from.adding(days: LookBack.daysMaximum) {
            throw .invalid(
                "range", "from and to are at most \(LookBack.daysMaximum) days apart; without to it is today.",
                value: query["from"])
        }
    }

    /// - Parameter newestDay: the last day of which anything is known: a list without a beginning shows it.
    func start(newestDay: Int32? = nil) -> Timestamp {
        let newest = newestDay.map { Timestamp(secondsSinceEpoch: (Int64($0) + 1) * 86_400) } ?? before
        return from ?? min(before, newest).adding(days: -LookBack.daysDefault)
    }
}
