public import Domain
public import Postgres

/// What pricing asks the database: one query per table and batch, none for a table that no rule of the batch needs.
public enum PricingLoad {
    /// A coupon in a programme.
    public struct CouponKey: Hashable, Comparable, Sendable {
        public let programID: String
        public let code: String

        public init(programID: String, code: String) {
            self.programID = programID
            self.code = code
        }

        public static func < (left: CouponKey, right: CouponKey) -> Bool {
            (left.programID, left.code) < (right.programID, right.code)
        }
    }

    /// Whose a coupon is, and when.
    public struct Coupon: Hashable, Sendable {
        public let affiliateID: String
        public let validFrom: Timestamp?
        /// Exclusive.
        public let validUntil: Timestamp?

        public func counts(at moment: Timestamp) -> Bool {
            (validFrom.map { $0 <= moment } ?? true) && (validUntil.map { moment < $0 } ?? true)
        }
    }

    /// An affiliate's month in a programme.
    public struct VolumeKey: Hashable, Comparable, Sendable {
        public let programID: String
        public let affiliateID: String
        public let currency: Currency
        /// First day of the month, in days since 1970-01-01.
        public let month: Int32

        public init(programID: String, affiliateID: String, currency: Currency, month: Int32) {
            self.programID = programID
            self.affiliateID = affiliateID
            self.currency = currency
            self.month = month
        }

        public static func < (left: VolumeKey, right: VolumeKey) -> Bool {
            (left.programID, left.affiliateID, left.currency, left.month)
                < (right.programID, right.affiliateID, right.currency, right.month)
        }
    }

    public static func coupons(
        _ keys: [CouponKey], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [CouponKey: Coupon] {
        guard !keys.isEmpty else { return [:] }
        let rows = try transaction.query(
            """
            SELECT c.program_id, c.code, c.affiliate_id, c.valid_from, c.valid_until
            FROM coupon c JOIN unnest($1::text[], $2::text[]) AS k(program_id, code) USING (program_id, code)
            """, .texts(keys.map(\.programID)), .texts(keys.map(\.code))
        ) { row throws(PostgresError) in
            (
                CouponKey(programID: try row.text(0), code: try row.text(1)),
                Coupon(
                    affiliateID: try row.text(2),
                    validFrom: try row.timestampOrNull(3).map(Timestamp.init(microsecondsSinceEpoch:)),
                    validUntil: try row.timestampOrNull(4).map(Timestamp.init(microsecondsSinceEpoch:)))
            )
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// Quotes that may count between two moments, newest first.
    ///
    /// - Parameter pairs: from which currency to which.
    public static func quotes(
        _ pairs: [(base: Currency, quote: Currency)], from first: Timestamp, to last: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FXQuote] {
        guard !pairs.isEmpty else { return [] }
        return try transaction.query(
            """
            SELECT q.fx_quote_id, q.base, q.quote, q.mantissa, q.scale::int4, q.quoted_at
            FROM fx_quote q JOIN unnest($1::text[], $2::text[]) AS p(base, quote) USING (base, quote)
            WHERE q.quoted_at BETWEEN $3 AND $4 ORDER BY q.quoted_at DESC
            """, .texts(pairs.map(\.base.code)), .texts(pairs.map(\.quote.code)),
            .timestamp(microsecondsSinceEpoch: first.adding(days: -FXQuote.lifetimeDays).microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: last.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in
            FXQuote(
                quoteID: try row.int8(0), base: try row.currency(1), quote: try row.currency(2),
                mantissa: try row.int8(3), scale: Int16(try row.int4(4)),
                quotedAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(5)))
        }
    }

    /// - Returns: approved volumes, minor units; a month without any is absent.
    public static func volumes(
        _ keys: [VolumeKey], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [VolumeKey: Int64] {
        guard !keys.isEmpty else { return [:] }
        let rows = try transaction.query(
            """
            SELECT v.program_id, v.affiliate_id, v.currency, v.month, v.volume_minor
            FROM approved_volume v JOIN unnest($1::text[], $2::text[], $3::text[], $4::date[])
                AS k(program_id, affiliate_id, currency, month) USING (program_id, affiliate_id, currency, month)
            """, .texts(keys.map(\.programID)), .texts(keys.map(\.affiliateID)), .texts(keys.map(\.currency.code)),
            .dates(keys.map(\.month))
        ) { row throws(PostgresError) in
            (
                VolumeKey(
                    programID: try row.text(0), affiliateID: try row.text(1), currency: try row.currency(2),
                    month: try row.date(3)),
                try row.int8(4)
            )
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// - Returns: when these customers first ordered; new ones are absent.
    public static func customers(
        _ keys: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier: Timestamp] {
        guard !keys.isEmpty else { return [:] }
        let rows = try transaction.query(
            "SELECT customer_key, first_at FROM customer WHERE customer_key = ANY($1)", .uuids(keys.map(\.value))
        ) { row throws(PostgresError) in
            (try row.identifier(0), Timestamp(microsecondsSinceEpoch: try row.timestamp(1)))
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// Locks what caps have used until the transaction ends, making the rows that are missing.
    ///
    /// - Parameter keys: in order, so that two workers lock rows in one order.
    public static func lockCaps(
        _ keys: [CapKey], in transaction: borrowing Transaction
    ) throws(PostgresError) -> CapBook {
        guard !keys.isEmpty else { return CapBook() }
        let columns = columns(of: keys)
        try transaction.run(
            """
            INSERT INTO cap_usage (program_id, rule_id, affiliate_id, period, starts_on, currency, used_minor)
            SELECT *, 0 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[], $6::text[])
            ON CONFLICT DO NOTHING
            """, parameters: columns)
        return try caps(
            """
            SELECT c.program_id, c.rule_id, c.affiliate_id, c.period, c.starts_on, c.currency, c.used_minor
            FROM cap_usage c JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[], $6::text[])
                AS k(program_id, rule_id, affiliate_id, period, starts_on, currency)
                USING (program_id, rule_id, affiliate_id, period, starts_on, currency)
            ORDER BY 1, 2, 3, 4, 5, 6 FOR UPDATE OF c
            """, columns, in: transaction)
    }

    /// What caps have used, for whoever only wants to know.
    public static func readCaps(
        _ keys: [CapKey], in transaction: borrowing Transaction
    ) throws(PostgresError) -> CapBook {
        guard !keys.isEmpty else { return CapBook() }
        return try caps(
            """
            SELECT c.program_id, c.rule_id, c.affiliate_id, c.period, c.starts_on, c.currency, c.used_minor
            FROM cap_usage c JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[], $6::text[])
                AS k(program_id, rule_id, affiliate_id, period, starts_on, currency)
                USING (program_id, rule_id, affiliate_id, period, starts_on, currency)
            """, columns(of: keys), in: transaction)
    }

    private static func columns(of keys: [CapKey]) -> [PostgresValue] {
        [
            .texts(keys.map(\.programID)), .texts(keys.map(\.ruleID)), .texts(keys.map(\.affiliateID)),
            .texts(keys.map(\.period.rawValue)), .dates(keys.map(\.startDay)), .texts(keys.map(\.currency.code)),
        ]
    }

    private static func caps(
        _ statement: Statement, _ columns: [PostgresValue], in transaction: borrowing Transaction
    ) throws(PostgresError) -> CapBook {
        let rows = try transaction.query(statement, parameters: columns) { row throws(PostgresError) in
            (
                CapKey(
                    programID: try row.text(0), ruleID: try row.text(1), affiliateID: try row.text(2),
                    period: CalendarPeriod(rawValue: try row.text(3)) ?? .total, startDay: try row.date(4),
                    currency: try row.currency(5)),
                try row.int8(6)
            )
        }
        return CapBook(usedMinor: Dictionary(uniqueKeysWithValues: rows))
    }
}
