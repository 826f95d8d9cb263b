public import Domain
import Events
public import Postgres

/// A ledger transaction, its postings, and what it was recorded for.
public struct LedgerExplanation: Encodable, Sendable {
    public struct Line: Encodable, Sendable {
        public let affiliateId: String
        public let debit: String
        public let credit: String
        public let currency: String
        public let amountMinor: Int64
    }

    public let transactionId: String
    public let key: String
    public let kind: String
    public let recordedAt: String
    public var postings: [Line]
    /// The commissions that it recorded or changed; empty for one of a payout or an operator.
    public var commissionIds: [String]

    /// In the order in which they were recorded.
    public static func load(
        _ transactionIDs: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [LedgerExplanation] {
        guard !transactionIDs.isEmpty else { return [] }
        let keys = PostgresValue.uuids(Set(transactionIDs).sorted().map(\.value))
        var explanations = try transaction.query(
            """
            SELECT transaction_id, key, kind, recorded_at FROM ledger_transaction WHERE transaction_id = ANY ($1)
            ORDER BY recorded_at, transaction_id
            """, keys
        ) { row throws(PostgresError) in
            LedgerExplanation(
                transactionId: try row.identifier(0).description, key: try row.text(1), kind: try row.text(2),
                recordedAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(3)).rfc3339, postings: [],
                commissionIds: [])
        }
        let lines = try transaction.query(
            """
            SELECT transaction_id, affiliate_id, debit::text, credit::text, currency, amount_minor FROM ledger_posting
            WHERE transaction_id = ANY ($1) ORDER BY transaction_id, line
            """, keys
        ) { row throws(PostgresError) in
            (
                try row.identifier(0).description,
                Line(
                    affiliateId: try row.text(1), debit: try row.text(2), credit: try row.text(3),
                    currency: try row.text(4), amountMinor: try row.int8(5))
            )
        }
        // Commissions are recorded at the moment of their transaction, by which they are found.
        let commissions = try transaction.query(
            """
            SELECT m.transaction_id, m.commission_id FROM ledger_transaction t
            JOIN commission m ON m.recorded_at = t.recorded_at AND m.transaction_id = t.transaction_id
            WHERE t.transaction_id = ANY ($1)
            UNION SELECT transaction_id, commission_id FROM commission_event e
            WHERE e.transaction_id = ANY ($1) AND e.at >= (
                SELECT min(recorded_at) FROM ledger_transaction WHERE transaction_id = ANY ($1))
            ORDER BY 1, 2
            """, keys
        ) { row throws(PostgresError) in
            (try row.identifier(0).description, try row.identifier(1).description)
        }
        let linesByID = Dictionary(grouping: lines, by: \.0)
        let commissionsByID = Dictionary(grouping: commissions, by: \.0)
        for index in explanations.indices {
            let id = explanations[index].transactionId
            explanations[index].postings = linesByID[id]?.map(\.1) ?? []
            explanations[index].commissionIds = commissionsByID[id]?.map(\.1) ?? []
        }
        return explanations
    }
}
