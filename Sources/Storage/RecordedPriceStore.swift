public import Domain
import Events
public import Postgres

/// Commissions with what they were priced with, for whoever prices them once more or explains them.
public enum RecordedPriceStore {
    /// A commission of a replay.
    public struct Entry: Sendable {
        public let programID: String
        public let price: RecordedPrice
        /// Who referred the affiliate, as it is known now.
        public let referrerID: String?
    }

    private static let pageRows = 2_000

    /// One commission; nil if there is none.
    public static func price(
        of commissionID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Entry? {
        try transaction.query(
            """
            SELECT * FROM recorded_price WHERE commission_id = $1
            """, .uuid(commissionID.value)
        ) { row throws(PostgresError) in try entry(row) }.first
    }

    /// What the first commissions of conversions that no correction superseded were priced with.
    public static func firstPrices(
        of conversionIDs: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier: Entry] {
        guard !conversionIDs.isEmpty else { return [:] }
        let entries = try transaction.query(
            """
            SELECT * FROM recorded_price
            WHERE (commission_id = ANY($1) OR conversion_id = ANY($1) AND commission_id <> conversion_id)
                AND tier = 1 AND NOT superseded
            """, .uuids(conversionIDs.map(\.value))
        ) { row throws(PostgresError) in try entry(row) }
        return Dictionary(uniqueKeysWithValues: entries.map { ($0.price.conversionID, $0) })
    }

    /// Every commission that no correction superseded of orders between two moments, in the order in which these came;
    /// those of one conversion behind each other.
    ///
    /// - Parameter take: gets them page by page.
    public static func replay(
        from first: Timestamp, to last: Timestamp, programID: String?, in transaction: borrowing Transaction,
        _ take: ([Entry]) throws(PostgresError) -> Void
    ) throws(PostgresError) {
        try open(from: first, to: last, programID: programID, in: transaction)
        try read(in: transaction, take)
        try close(in: transaction)
    }

    /// Makes the same ready to be read more than once, each time as it stands now.
    public static func open(
        from first: Timestamp, to last: Timestamp, programID: String?, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            DECLARE replay SCROLL CURSOR FOR
            SELECT * FROM recorded_price
            WHERE occurred_at >= $1 AND occurred_at < $2 AND ($3::text IS NULL OR program_id = $3) AND NOT superseded
            ORDER BY first_recorded_at, topic_partition, record_offset, conversion_id, tier
            """, .timestamp(microsecondsSinceEpoch: first.microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: last.microsecondsSinceEpoch), .optionalText(programID))
    }

    /// Reads it from its beginning.
    public static func read(
        in transaction: borrowing Transaction, _ take: ([Entry]) throws(PostgresError) -> Void
    ) throws(PostgresError) {
        try transaction.run("MOVE ABSOLUTE 0 FROM replay")
        while true {
            let page = try transaction.query("FETCH 2000 FROM replay") { row throws(PostgresError) in try entry(row) }
            try take(page)
            guard page.count == pageRows else { return }
        }
    }

    public static func close(in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run("CLOSE replay")
    }

    private static func entry(_ row: borrowing Row) throws(PostgresError) -> Entry {
        let facts = try facts(row)
        return Entry(
            programID: try row.text(4),
            price: RecordedPrice(
                commissionID: try row.identifier(0), conversionID: try row.identifier(1),
                tier: Int16(try row.int4(2)), affiliateID: try row.text(3), facts: facts,
                rulesVersion: try row.int4(5), ruleID: try row.textOrNull(6), ruleVersion: try row.int4OrNull(7),
                baseMinor: try row.int8(8), uncappedMinor: try row.int8(9), capLeftMinor: try row.int8OrNull(10),
                amountMinor: try row.int8(11)),
            referrerID: try row.textOrNull(12))
    }

    private static func facts(_ row: borrowing Row) throws(PostgresError) -> OrderFacts {
        let currency = try row.currency(22)
        let commissionCurrency = try row.currency(13)
        var quote: FXQuote?
        if let quoteID = try row.int8OrNull(26) {
            quote = FXQuote(
                quoteID: quoteID, base: currency, quote: commissionCurrency, mantissa: try row.int8(27),
                scale: Int16(try row.int4(28)), quotedAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(29)))
        }
        return OrderFacts(
            affiliateID: try row.text(14), groupID: try row.textOrNull(15), country: try row.textOrNull(16),
            coupon: try row.textOrNull(17), subID: try row.textOrNull(18),
            isNewCustomer: try row.isNull(19) ? nil : try row.bool(19),
            items: try row.textOrNull(20).map { ReportedItems.list(ofStored: $0) } ?? [],
            quantity: try row.int4(21), amountMinor: try row.int8(23), currency: currency,
            occurredAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(24)),
            customerSince: try row.timestampOrNull(25).map(Timestamp.init(microsecondsSinceEpoch:)),
            approvedVolumeMinor: try row.int8OrNull(30) ?? 0, commissionCurrency: commissionCurrency, quote: quote)
    }
}
