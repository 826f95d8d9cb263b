public import Domain
public import Postgres

/// An affiliate's accounts over a period, in one currency; minor units.
public struct PeriodStatement: Hashable, Sendable {
    public let affiliateID: String
    public let currency: Currency
    /// What the affiliate was owed before the period, less what it owed.
    public let openingMinor: Int64
    public let accruedMinor: Int64
    public let reversedMinor: Int64
    /// Less what came back.
    public let paidMinor: Int64
    /// Debts that were written off, fees.
    public let otherMinor: Int64
    public let closingMinor: Int64
}

/// Why a period cannot be closed.
public enum PeriodRefusal: String, Error, Hashable, Sendable {
    /// It is not over, or not for an hour: what was begun in it may still be recorded.
    case notOver
    case alreadyClosed
    /// An earlier period with transactions is open.
    case earlierOpen

    /// For whoever wants to close it.
    public var sentence: String {
        switch self {
        case .notOver: "The month is not over, or not for an hour yet."
        case .alreadyClosed: "The month is closed already."
        case .earlierOpen: "An earlier month is open: close that first."
        }
    }
}

/// Accounting periods: calendar months of UTC, by the moment at which transactions are recorded.
public enum PeriodStore {
    /// A month of the books.
    public struct Period: Hashable, Sendable {
        /// Its first day.
        public let month: CivilDate
        /// nil while it is open.
        public let closedAt: Timestamp?
        public let closedBy: String?
        public let transactions: Int64
    }

    /// Every month with transactions or a closing, latest first.
    public static func periods(in transaction: borrowing Transaction) throws(PostgresError) -> [Period] {
        try transaction.query(
            """
            SELECT COALESCE(p.month, t.month), p.closed_at, p.closed_by, COALESCE(t.transactions, 0)
            FROM accounting_period p FULL JOIN (
                SELECT date_trunc('month', recorded_at AT TIME ZONE 'UTC')::date AS month, count(*) AS transactions
                FROM ledger_transaction GROUP BY 1) t ON t.month = p.month
            ORDER BY 1 DESC
            """
        ) { row throws(PostgresError) in
            Period(
                month: CivilDate(daysSinceEpoch: try row.date(0)),
                closedAt: try row.timestampOrNull(1).map(Timestamp.init(microsecondsSinceEpoch:)),
                closedBy: try row.textOrNull(2), transactions: try row.int8(3))
        }
    }

    /// The statements of a month: as they were closed, or as they stand.
    public static func statements(
        of month: CivilDate, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PeriodStatement] {
        try transaction.query(
            """
            SELECT affiliate_id, currency, opening_minor, accrued_minor, reversed_minor, paid_minor, other_minor,
                closing_minor
            FROM period_statement WHERE month = $1
            UNION ALL SELECT * FROM period_activity($1)
            WHERE NOT EXISTS (SELECT FROM accounting_period WHERE month = $1)
            ORDER BY 1, 2
            """, .date(daysSinceEpoch: month.daysSinceEpoch)
        ) { row throws(PostgresError) in
            PeriodStatement(
                affiliateID: try row.text(0), currency: try row.currency(1), openingMinor: try row.int8(2),
                accruedMinor: try row.int8(3), reversedMinor: try row.int8(4), paidMinor: try row.int8(5),
                otherMinor: try row.int8(6), closingMinor: try row.int8(7))
        }
    }

    /// Closes a month for good: its statements are kept, and nothing is recorded in it any more.
    ///
    /// Whoever records waits until it is done, and whoever began before is waited for.
    ///
    /// - Parameter month: any day of it.
    /// - Returns: nil once it is closed, or why it is not.
    public static func close(
        _ month: CivilDate, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> PeriodRefusal? {
        let first = month.firstOfMonth
        guard now >= first.adding(months: 1).midnight.adding(seconds: 3_600) else { return .notOver }
        try transaction.run("SELECT pg_advisory_xact_lock(hashtextextended('accounting period', 0))")
        let day = PostgresValue.date(daysSinceEpoch: first.daysSinceEpoch)
        let state = try transaction.query(
            """
            SELECT EXISTS (SELECT FROM accounting_period WHERE month = $1), EXISTS (
                SELECT FROM ledger_transaction t WHERE t.recorded_at < $1::timestamp AT TIME ZONE 'UTC'
                    AND NOT EXISTS (SELECT FROM accounting_period p
                        WHERE p.month = date_trunc('month', t.recorded_at AT TIME ZONE 'UTC')))
            """, day
        ) { row throws(PostgresError) in (try row.bool(0), try row.bool(1)) }
        if state.first?.0 == true { return .alreadyClosed }
        if state.first?.1 == true { return .earlierOpen }
        try transaction.run(
            "INSERT INTO accounting_period (month, closed_at, closed_by) VALUES ($1, $2, $3)", day,
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch), .text(actor))
        try transaction.run("INSERT INTO period_statement SELECT $1, a.* FROM period_activity($1) a", day)
        return nil
    }
}
