import Domain
import Events
import Postgres
import Storage

/// What became of records, newest first: each of four tables answers for its outcomes, and the list merges them.
///
/// Accepted conversions are in `conversion`; `event` is asked only for the positions of the rows that are shown, by key
/// and moment. Accepted clicks and refunds are not listed: a conversion's explanation has its own.
enum OutcomeQueries {
    /// A row with its place.
    typealias Placed = (place: OutcomePlace, row: ConversionOutcome)

    /// Programmes in which an order is looked for that comes without one.
    private static let programsMaximum: Int32 = 10_000

    static func list(
        _ filter: OutcomeFilter, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Listing<ConversionOutcome> {
        let newest = filter.range.from == nil ? try DashboardQueries.newestDay(in: transaction) : nil
        let span = OutcomeSpan(filter, from: filter.range.start(newestDay: newest))
        var found: [Placed] = []
        for table in tables(of: filter) {
            switch table {
            case .conversions: found += try accepted(span, in: transaction)
            case .exceptions: found += try OutcomeTables.exceptions(span, in: transaction)
            case .parked: found += try OutcomeTables.parked(span, in: transaction)
            case .deadLetters: found += try OutcomeTables.deadLetters(span, in: transaction)
            }
        }
        found.sort { $0.place < $1.place }
        let page = found.prefix(filter.limit)
        return Listing(
            data: try withCommissions(page.map(\.row), in: transaction),
            next: found.count > filter.limit ? page.last?.place.cursor : nil)
    }

    /// The tables in which a row may be that meets the filter.
    private static func tables(of filter: OutcomeFilter) -> [OutcomePlace.Table] {
        let isConversion = filter.kind.map { $0 == .conversion } ?? true
        // Nobody knows whose a record was that nobody could read.
        let names = [filter.programID, filter.affiliateID, filter.orderID, filter.eventID, filter.kind?.name]
        let isAnonymous = names.allSatisfy { $0 == nil }
        switch filter.outcome {
        case .accepted: return isConversion ? [.conversions] : []
        case .duplicate, .rejected: return [.exceptions]
        case .parked: return [.parked]
        case .dead: return isAnonymous ? [.deadLetters] : []
        case nil:
            return (isConversion ? [.conversions] : []) + [.exceptions, .parked] + (isAnonymous ? [.deadLetters] : [])
        }
    }

    // MARK: Accepted

    private static func accepted(
        _ span: OutcomeSpan, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Placed] {
        let filter = span.filter
        if let orderID = filter.orderID {
            let ids = try conversions(ofOrder: orderID, filter.programID, in: transaction)
            let rows = try OutcomeTables.conversions(ids, in: transaction)
            let commissions = try CommissionQueries.of(conversions: ids, in: transaction)
            return rows.filter { span.takes($0, commissions) }
        }
        var (from, before) = (span.from, span.before(.conversions))
        var eventKey: Identifier?
        if let eventID = filter.eventID {
            let key = Identifier(hashing: "event", eventID)
            guard let moment = try occurrence(of: key, from: from, before: before, in: transaction) else { return [] }
            (from, before, eventKey) = (moment, moment.adding(microseconds: 1), key)
        }
        let ids = try LookBack.rows(from: from, before: before, limit: filter.limit + 1) {
            from, before, limit throws(PostgresError) in
            try OutcomeTables.pick(span, eventKey, from: from, before: before, limit: limit, in: transaction)
        }
        return try OutcomeTables.conversions(ids, in: transaction)
    }

    /// The conversions that an order may have made: a hash of it and its programme.
    private static func conversions(
        ofOrder orderID: String, _ programID: String?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier] {
        if let programID { return [Identifier(hashing: "order", programID, orderID)] }
        let programs = try transaction.query(
            "SELECT program_id FROM program ORDER BY program_id LIMIT $1", .int4(programsMaximum)
        ) { row throws(PostgresError) in try row.text(0) }
        return programs.map { Identifier(hashing: "order", $0, orderID) }
    }

    private static func occurrence(
        of eventKey: Identifier, from: Timestamp, before: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Timestamp? {
        try transaction.query(
            """
            SELECT occurred_at FROM event WHERE event_key = $1 AND occurred_at >= $2 AND occurred_at < $3
            """, .uuid(eventKey.value), .timestamp(microsecondsSinceEpoch: from.microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: before.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in Timestamp(microsecondsSinceEpoch: try row.timestamp(0)) }.first
    }

    private static func withCommissions(
        _ rows: [ConversionOutcome], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [ConversionOutcome] {
        let ids = rows.compactMap { $0.conversion.flatMap { Identifier(text: $0.conversionId) } }
        let commissions = Dictionary(
            grouping: try CommissionQueries.of(conversions: ids, in: transaction), by: \.conversionId)
        return rows.map { row in
            var row = row
            if let id = row.conversion?.conversionId { row.conversion?.commissions = commissions[id] ?? [] }
            return row
        }
    }
}

/// A filter with the bounds of a page: which rows of each table may be on it.
struct OutcomeSpan: Sendable {
    let filter: OutcomeFilter
    let from: Timestamp

    init(_ filter: OutcomeFilter, from: Timestamp) {
        self.filter = filter
        self.from = from
    }

    /// The moment before which rows of a table are on the page or behind it.
    func before(_ table: OutcomePlace.Table) -> Timestamp {
        guard let after = filter.after else { return filter.range.before }
        // Rows of the last row's own moment follow it if their table comes later, or their key in the same table.
        let isOver = table.rawValue < after.table.rawValue
        return min(filter.range.before, isOver ? after.moment : after.moment.adding(microseconds: 1))
    }

    /// The last row that was shown, if it is of this table.
    func tie(_ table: OutcomePlace.Table) -> OutcomePlace? {
        filter.after.flatMap { $0.table == table ? $0 : nil }
    }

    /// Whether a conversion that was found by its order is on the page or behind it.
    func takes(_ placed: OutcomeQueries.Placed, _ commissions: [CommissionRow]) -> Bool {
        let (place, row) = placed
        guard place.moment >= from, place.moment < filter.range.before, filter.after.map({ $0 < place }) ?? true,
            filter.eventID == nil || filter.eventID == row.eventId
        else { return false }
        let own = commissions.filter { $0.conversionId == row.conversion?.conversionId }
        let affiliates = [row.affiliateId] + own.map(\.affiliateId)
        guard filter.affiliateID == nil || affiliates.contains(filter.affiliateID) else { return false }
        let codes = (row.conversion?.signals ?? []).map(\.code) + own.flatMap { $0.codes.map(\.code) }
        return filter.code.map(codes.contains) ?? true
    }
}
