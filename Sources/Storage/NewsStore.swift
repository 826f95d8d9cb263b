public import Domain
public import Postgres

/// What happened that no message tells of: read from the tables by time.
public enum NewsStore {
    /// What is read from a position on; raw values are those of `news_position.source`.
    public enum Source: String, Sendable {
        /// By the id of the event.
        case payoutEvent = "payout_event"
        /// By the microsecond of the closing.
        case accountingPeriod = "accounting_period"
        /// By days since 1970.
        case commissionDay = "commission_day"
        /// By days since 1970, of its Monday.
        case week
    }

    /// Rows of one reading.
    public static let rowsMaximum: Int64 = 1_000

    /// Reads how far a source was read; until the transaction ends nobody else does.
    /// - Returns: nil if another one is reading it now.
    public static func position(
        of source: Source, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int64? {
        try transaction.query(
            "SELECT position FROM news_position WHERE source = $1 FOR UPDATE SKIP LOCKED", .text(source.rawValue)
        ) { row throws(PostgresError) in try row.int8(0) }.first
    }

    public static func advance(
        _ source: Source, to position: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            "UPDATE news_position SET position = $2 WHERE source = $1", .text(source.rawValue), .int8(position))
    }

    /// A payout, as news tell of it.
    public struct Payout: Sendable {
        /// Of the move that makes it news.
        public let eventID: Int64
        public let payoutID: Identifier
        public let affiliateID: String
        public let amount: Money
        public let provider: String
        public let arrivalAt: Timestamp?
        /// When it made that move.
        public let at: Timestamp
    }

    /// Payouts that their providers took, behind the event at `position`, in the order of the events.
    public static func sentPayouts(
        after position: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Payout] {
        try transaction.query(
            """
            SELECT e.payout_event_id, e.payout_id, p.affiliate_id, p.amount_minor, p.currency, p.provider, p.arrival_at,
                e.at
            FROM (SELECT payout_event_id, payout_id, at FROM payout_event
                WHERE payout_event_id > $1 AND to_state = 'submitted' ORDER BY payout_event_id LIMIT $2) AS e
            JOIN payout p USING (payout_id)
            ORDER BY e.payout_event_id
            """, .int8(position), .int8(rowsMaximum), decode: payout)
    }

    /// Payouts whose outcome is unknown since before `moment`.
    public static func unknownPayouts(
        before moment: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Payout] {
        try transaction.query(
            """
            SELECT 0::bigint, payout_id, affiliate_id, amount_minor, currency, provider, arrival_at, updated_at
            FROM payout WHERE state = 'unknown' AND updated_at < $1 ORDER BY updated_at DESC LIMIT $2
            """, .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch), .int8(rowsMaximum), decode: payout)
    }

    private static func payout(_ row: borrowing Row) throws(PostgresError) -> Payout {
        Payout(
            eventID: try row.int8(0), payoutID: Identifier(try row.uuid(1)), affiliateID: try row.text(2),
            amount: Money(minorUnits: try row.int8(3), currency: try row.currency(4)), provider: try row.text(5),
            arrivalAt: try row.timestampOrNull(6).map { Timestamp(microsecondsSinceEpoch: $0) },
            at: Timestamp(microsecondsSinceEpoch: try row.timestamp(7)))
    }

    /// A contradiction between books and provider.
    public struct OpenBreak: Sendable {
        public let breakID: Int64
        public let kind: String
        public let affiliateID: String?
        public let detail: String
    }

    /// Breaks that nobody resolved and that are more than notices, the newest first.
    public static func openBreaks(in transaction: borrowing Transaction) throws(PostgresError) -> [OpenBreak] {
        try transaction.query(
            """
            SELECT break_id, kind, NULLIF(affiliate_id, ''), detail FROM reconciliation_break
            WHERE resolved_at IS NULL AND severity <> 'notice' ORDER BY break_id DESC LIMIT $1
            """, .int8(rowsMaximum)
        ) { row throws(PostgresError) in
            OpenBreak(
                breakID: try row.int8(0), kind: try row.text(1), affiliateID: try row.textOrNull(2),
                detail: try row.text(3))
        }
    }

    /// A partition that its worker stopped reading.
    public struct HeldPartition: Sendable {
        public let group: String
        public let topic: String
        public let partition: Int32
        public let offset: Int64
        /// A word, and more of it where there is more.
        public let reason: String
    }

    public static func heldPartitions(in transaction: borrowing Transaction) throws(PostgresError) -> [HeldPartition] {
        try transaction.query(
            """
            SELECT worker_group, topic, partition, next_offset, concat_ws(': ', hold_reason, NULLIF(hold_detail, ''))
            FROM stream_offset
            WHERE mode = 'held' AND next_offset IS NOT NULL ORDER BY worker_group, topic, partition LIMIT $1
            """, .int8(rowsMaximum)
        ) { row throws(PostgresError) in
            HeldPartition(
                group: try row.text(0), topic: try row.text(1), partition: try row.int4(2), offset: try row.int8(3),
                reason: try row.text(4))
        }
    }
}

// What affiliates are told: only those who have a user to read it.
extension NewsStore {
    /// A sum of an affiliate in one currency.
    public struct Sum: Sendable {
        public let affiliateID: String
        public let count: Int64
        public let amount: Money
    }

    /// What was taken back of commissions on a day (UTC), after they had been told.
    public static func reversals(
        on day: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Sum] {
        try transaction.query(
            """
            SELECT c.affiliate_id, count(DISTINCT c.commission_id), sum(e.amount_minor)::bigint, c.currency
            FROM commission_event e JOIN commission c USING (commission_id)
            WHERE e.amount_minor > 0 AND e.at >= $1 AND e.at < $2
                AND EXISTS (SELECT FROM console_user u WHERE u.affiliate_id = c.affiliate_id AND NOT u.disabled)
            GROUP BY c.affiliate_id, c.currency ORDER BY c.affiliate_id, c.currency
            """, .timestamp(microsecondsSinceEpoch: Timestamp(startOfDay: day).microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: Timestamp(startOfDay: day + 1).microsecondsSinceEpoch), decode: sum)
    }

    /// What was earned by commissions that were recorded in the days from `first` to `last` (UTC), less what was taken
    /// back of them since.
    public static func earnings(
        from first: Int32, to last: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Sum] {
        try transaction.query(
            """
            SELECT affiliate_id, count(*), sum(amount_minor - reversed_minor)::bigint, currency FROM commission c
            WHERE recorded_at >= $1 AND recorded_at < $2
                AND EXISTS (SELECT FROM console_user u WHERE u.affiliate_id = c.affiliate_id AND NOT u.disabled)
            GROUP BY affiliate_id, currency ORDER BY affiliate_id, currency
            """, .timestamp(microsecondsSinceEpoch: Timestamp(startOfDay: first).microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: Timestamp(startOfDay: last + 1).microsecondsSinceEpoch), decode: sum)
    }

    private static func sum(_ row: borrowing Row) throws(PostgresError) -> Sum {
        Sum(
            affiliateID: try row.text(0), count: try row.int8(1),
            amount: Money(minorUnits: try row.int8(2), currency: try row.currency(3)))
    }

    /// Clicks and orders of the days from `first` to `last`.
    public static func traffic(
        from first: Int32, to last: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [(affiliateID: String, clicks: Int64, conversions: Int64)] {
        try transaction.query(
            """
            SELECT affiliate_id, sum(clicks)::bigint, sum(conversions)::bigint FROM affiliate_day d
            WHERE day BETWEEN $1 AND $2
                AND EXISTS (SELECT FROM console_user u WHERE u.affiliate_id = d.affiliate_id AND NOT u.disabled)
            GROUP BY affiliate_id ORDER BY affiliate_id
            """, .date(daysSinceEpoch: first), .date(daysSinceEpoch: last)
        ) { row throws(PostgresError) in (try row.text(0), try row.int8(1), try row.int8(2)) }
    }

    /// An affiliate's statement of a month in one currency.
    public struct Statement: Sendable {
        public let affiliateID: String
        /// The first of the month, in days since 1970.
        public let month: Int32
        public let closing: Money
        public let closedAt: Timestamp
    }

    /// Statements of the months that were closed behind the microsecond `position`.
    public static func statements(
        closedAfter position: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Statement] {
        try transaction.query(
            """
            SELECT s.affiliate_id, s.month, s.closing_minor, s.currency, p.closed_at
            FROM accounting_period p JOIN period_statement s USING (month)
            WHERE p.closed_at > $1
                AND EXISTS (SELECT FROM console_user u WHERE u.affiliate_id = s.affiliate_id AND NOT u.disabled)
            ORDER BY s.month, s.affiliate_id, s.currency
            """, .timestamp(microsecondsSinceEpoch: position)
        ) { row throws(PostgresError) in
            Statement(
                affiliateID: try row.text(0), month: try row.date(1),
                closing: Money(minorUnits: try row.int8(2), currency: try row.currency(3)),
                closedAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(4)))
        }
    }
}
