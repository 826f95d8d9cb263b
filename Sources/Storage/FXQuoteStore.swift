public import Domain
public import Postgres

/// Exchange rates as their sources said them.
public enum FXQuoteStore {
    /// A quote with where it is from.
    public struct Entry: Sendable {
        public let quote: FXQuote
        public let source: String
        public let recordedBy: String
    }

    /// Records a quote; conversions that wait for one are looked at again at once.
    ///
    /// - Parameter quote: its id is given by the database.
    /// - Returns: false if the pair has a quote of that moment already.
    public static func add(
        _ quote: FXQuote, source: String, by actor: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        let added = try transaction.run(
            """
            INSERT INTO fx_quote (base, quote, mantissa, scale, quoted_at, source, recorded_by)
            VALUES ($1, $2, $3, $4::int4::smallint, $5, $6, $7) ON CONFLICT (base, quote, quoted_at) DO NOTHING
            """, .text(quote.base.code), .text(quote.quote.code), .int8(quote.mantissa), .int4(Int32(quote.scale)),
            .timestamp(microsecondsSinceEpoch: quote.quotedAt.microsecondsSinceEpoch), .text(source), .text(actor))
        guard added == 1 else { return false }
        try transaction.run("UPDATE parked_event SET look_at = parked_at WHERE code = 606")
        return true
    }

    /// The latest quotes first.
    public static func latest(
        limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Entry] {
        try transaction.query(
            """
            SELECT fx_quote_id, base, quote, mantissa, scale::int4, quoted_at, source, recorded_by FROM fx_quote
            ORDER BY quoted_at DESC, base, quote LIMIT $1
            """, .int8(Int64(limit))
        ) { row throws(PostgresError) in
            Entry(
                quote: FXQuote(
                    quoteID: try row.int8(0), base: try row.currency(1), quote: try row.currency(2),
                    mantissa: try row.int8(3), scale: Int16(try row.int4(4)),
                    quotedAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(5))),
                source: try row.text(6), recordedBy: try row.text(7))
        }
    }
}
