public import Domain
public import Postgres

/// How far each provider's listing was read, so that nothing is passed over while no reconciler runs.
public enum ProviderListing {
    /// - Returns: nil if it was never read.
    public static func readAt(
        _ provider: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Timestamp? {
        try transaction.query("SELECT read_at FROM provider_listing WHERE provider = $1", .text(provider)) { row in
            Timestamp(microsecondsSinceEpoch: try row.timestamp(0))
        }.first
    }

    /// - Parameter moment: when the reading began that has come to its end.
    public static func markRead(
        _ provider: String, at moment: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            INSERT INTO provider_listing (provider, read_at) VALUES ($1, $2)
            ON CONFLICT (provider) DO UPDATE SET read_at = greatest(provider_listing.read_at, excluded.read_at)
            """, .text(provider), .moment(moment))
    }

    /// Those of a page that are news: not known here, or with another end than here.
    public static func news(
        _ page: [ProviderObservation], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [ProviderObservation] {
        let news = Set(
            try transaction.query(
                """
                SELECT o.object_id FROM unnest($1::text[], $2::text[]) AS o (object_id, status)
                LEFT JOIN payout_attempt a ON a.provider_object_id = o.object_id
                LEFT JOIN payout p ON p.payout_id = a.payout_id
                WHERE p.payout_id IS NULL OR CASE o.status
                    WHEN 'paid' THEN p.state NOT IN ('paid', 'final')
                    WHEN 'failed' THEN p.state NOT IN ('failed', 'returned')
                    ELSE p.state <> 'in_transit' END
                """, .texts(page.map(\.objectID)), .optionalTexts(page.map { $0.status?.rawValue })
            ) { row in try row.text(0) })
        return page.filter { news.contains($0.objectID) }
    }
}
