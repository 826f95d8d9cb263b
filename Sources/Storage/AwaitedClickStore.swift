public import Domain
import Events
public import Postgres

/// Conversions that count for the affiliate they name because the click they name is not known yet.
public enum AwaitedClickStore {
    /// How long a click may come after its conversion.
    static let patienceDays: Int32 = 30

    /// A conversion whose click is looked for.
    public struct Awaited: Hashable, Sendable {
        public let conversionID: Identifier
        public let clickKey: Identifier

        public init(conversionID: Identifier, clickKey: Identifier) {
            self.conversionID = conversionID
            self.clickKey = clickKey
        }
    }

    /// A conversion with what its price depends on, its click's affiliate and group apart.
    public struct Order: Sendable {
        public let facts: OrderFacts
        public let programID: String
        public let customerID: String?
        /// Corrections so far.
        public let corrections: Int32

        /// Hash of programme and customer; nil without one.
        public var customerKey: Identifier? { customerID.map { TrackingEvent.customerKey(programID, $0) } }
    }

    public static func save(
        _ awaited: [Awaited], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !awaited.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY awaited_click (conversion_id, click_key, parked_at, look_at, until) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for wait in awaited {
                rows.beginRow(columns: 5)
                rows.uuid(wait.conversionID.value)
                rows.uuid(wait.clickKey.value)
                rows.timestamp(now.microsecondsSinceEpoch)
                rows.timestamp(now.microsecondsSinceEpoch)
                rows.timestamp(now.adding(days: patienceDays).microsecondsSinceEpoch)
            }
        }
    }

    /// Those whose click is there; they wait no longer. Another session takes others meanwhile.
    public static func take(
        limit: Int, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Awaited] {
        try transaction.query(
            """
            DELETE FROM awaited_click WHERE conversion_id = ANY(ARRAY(
                SELECT a.conversion_id FROM awaited_click a
                WHERE a.look_at <= $2 AND EXISTS (SELECT FROM click k WHERE k.click_key = a.click_key)
                ORDER BY a.conversion_id LIMIT $1 FOR UPDATE OF a SKIP LOCKED))
            RETURNING conversion_id, click_key
            """, .int8(Int64(limit)), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in
            Awaited(conversionID: try row.identifier(0), clickKey: try row.identifier(1))
        }
    }

    /// Looks at the others later and later: after as long as they have waited so far, at most five minutes; gives up on
    /// those whose click is too late.
    public static func postpone(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) {
        let moment = PostgresValue.timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        try transaction.run("DELETE FROM awaited_click WHERE look_at <= $1 AND until <= $1", moment)
        try transaction.run(
            """
            UPDATE awaited_click SET look_at = $1 + LEAST(GREATEST($1 - parked_at, '1 second'), interval '5 minutes')
            WHERE conversion_id = ANY(ARRAY(
                SELECT conversion_id FROM awaited_click WHERE look_at <= $1 FOR UPDATE SKIP LOCKED))
            """, moment)
    }

    /// The conversions as they were taken in, in the currency and by the quote that they were first priced in.
    public static func orders(
        _ ids: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier: Order] {
        guard !ids.isEmpty else { return [:] }
        let rows = try transaction.query(
            """
            SELECT c.conversion_id, c.program_id, c.customer_id, (
                    SELECT count(*) FROM conversion_correction k WHERE k.conversion_id = c.conversion_id)::int4,
                c.affiliate_id, c.country, c.coupon, c.sub_id, c.is_new_customer, c.items, c.quantity, c.amount_minor,
                c.currency, c.occurred_at, m.currency, q.fx_quote_id, q.mantissa, q.scale::int4, q.quoted_at
            FROM conversion c JOIN commission m ON m.commission_id = c.conversion_id
            LEFT JOIN fx_quote q ON q.fx_quote_id = m.fx_quote_id
            WHERE c.conversion_id = ANY($1)
            """, .uuids(ids.map(\.value))
        ) { row throws(PostgresError) in (try row.identifier(0), try order(row)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    private static func order(_ row: borrowing Row) throws(PostgresError) -> Order {
        let currency = try row.currency(12)
        let commissionCurrency = try row.currency(14)
        var quote: FXQuote?
        if let quoteID = try row.int8OrNull(15) {
            quote = FXQuote(
                quoteID: quoteID, base: currency, quote: commissionCurrency, mantissa: try row.int8(16),
                scale: Int16(try row.int4(17)), quotedAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(18)))
        }
        let isNew = try row.isNull(8) ? nil : try row.bool(8)
        let items = try row.textOrNull(9).map { ReportedItems.list(ofStored: $0) } ?? []
        let facts = OrderFacts(
            affiliateID: try row.text(4), country: try row.textOrNull(5), coupon: try row.textOrNull(6),
            subID: try row.textOrNull(7), isNewCustomer: isNew, items: items, quantity: try row.int4(10),
            amountMinor: try row.int8(11), currency: currency,
            occurredAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(13)),
            commissionCurrency: commissionCurrency, quote: quote)
        return Order(
            facts: facts, programID: try row.text(1), customerID: try row.textOrNull(2), corrections: try row.int4(3))
    }
}
