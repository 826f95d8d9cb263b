public import Domain
public import Postgres

/// The partitions in which events and clicks lie, one for each month of `occurred_at`.
public enum MonthStore {
    /// A partition.
    public struct Month: Hashable, Sendable {
        /// `event` or `click`.
        public let relation: String
        /// The first of the month.
        public let start: CivilDate
        public let name: String
        /// As the last analysis of the table found them; nil before the first.
        public let estimatedRows: Int64?
        /// With its indexes.
        public let sizeBytes: Int64
        /// When its policy lets it go.
        public let dueAt: Timestamp
    }

    /// Makes the months that are missing, for events and for clicks.
    ///
    /// - Parameter months: their first days, in days since 1970-01-01.
    public static func make(_ months: [Int32], in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run(
            """
            SELECT make_month(relation, month) FROM unnest($1::date[]) AS m (month),
                (VALUES ('event'), ('click')) AS r (relation)
            """, .dates(months))
    }

    /// All partitions, oldest first.
    public static func all(in transaction: borrowing Transaction) throws(PostgresError) -> [Month] {
        try transaction.query(
            """
            SELECT m.relation, m.month, m.name, m.estimated_rows, m.bytes,
                (m.month + interval '1 month' + make_interval(days => p.keep_days)) AT TIME ZONE 'UTC'
            FROM month_partition m JOIN retention_policy p ON p.subject = m.relation ORDER BY m.month, m.relation
            """
        ) { row throws(PostgresError) in
            Month(
                relation: try row.text(0), start: CivilDate(daysSinceEpoch: try row.date(1)), name: try row.text(2),
                estimatedRows: try row.int8OrNull(3), sizeBytes: try row.int8(4),
                dueAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(5)))
        }
    }

    /// Drops a month whose time has come, as the database's own clock says it, and keeps its counts. Writers wait for
    /// the moment that it takes.
    ///
    /// - Returns: how many rows went.
    /// - Throws: `PostgresError` with `42501` for a month that its policy keeps.
    public static func drop(_ month: Month, in transaction: borrowing Transaction) throws(PostgresError) -> Int64 {
        // Counting an old month takes as long as it takes.
        try transaction.run("SET LOCAL statement_timeout = 0")
        return try transaction.query(
            "SELECT drop_month($1, $2)", .text(month.relation), .date(daysSinceEpoch: month.start.daysSinceEpoch)
        ) { row throws(PostgresError) in try row.int8(0) }.first ?? 0
    }
}
