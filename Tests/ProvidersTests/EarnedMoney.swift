import Domain
import Events
import Outbox
import Postgres
import Storage
import WorkerRuntime

/// Money that affiliates earned, and payouts of it, made as scorer and planner make them.
enum EarnedMoney {
    static let currency = "USD"
    static let lane = Lane(emitter: "payout-planner")

    /// Lets an affiliate earn what becomes payable at once.
    /// - Parameter account: the affiliate's account at the provider.
    static func earn(
        _ affiliateID: String, account: String, provider: String = "stripe", amountMinor: Int64, occasion: String,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard let currency = Currency(code: EarnedMoney.currency) else { return }
        try transaction.run(
            """
            INSERT INTO program (program_id, name, currency, minimum_payout_minor)
            VALUES ('p', 'p', $1, 100) ON CONFLICT (program_id) DO NOTHING
            """, .text(EarnedMoney.currency))
        try transaction.run(
            """
            INSERT INTO affiliate (affiliate_id, name, provider_account, payout_provider) VALUES ($1, $1, $2, $3)
            ON CONFLICT (affiliate_id) DO UPDATE
            SET provider_account = excluded.provider_account, payout_provider = excluded.payout_provider,
                payout_block = NULL
            """, .text(affiliateID), .text(account), .text(provider))
        let conversionID = Identifier(hashing: "test conversion", affiliateID, occasion)
        let earned = LedgerTransaction(
            key: "commission:\(conversionID)", kind: "commission", inputHash: conversionID,
            postings: [
                Posting(
                    affiliateID: affiliateID, currency: currency, debit: .commissionExpense, credit: .payable,
                    amountMinor: amountMinor)
            ])
        let now = PostgresValue.timestamp(microsecondsSinceEpoch: systemNow().microsecondsSinceEpoch)
        try LedgerStore.append([earned], in: transaction, at: systemNow())
        try transaction.run(
            """
            INSERT INTO commission (commission_id, conversion_id, affiliate_id, program_id, currency, basis_points,
                base_minor, amount_minor, status, hold_until, transaction_id, recorded_at)
            VALUES ($1, $1, $2, 'p', $3, 1000, $4, $4, 'approved', $5, $6, $5)
            """, .uuid(conversionID.value), .text(affiliateID), .text(EarnedMoney.currency), .int8(amountMinor), now,
            .uuid(earned.transactionID.value))
    }

    /// Plans a payout of everything payable; what needs a person's word gets it.
    static func plan(
        batch: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier] {
        let planned = try PayoutStore.plan(
            batchKey: batch, at: now, submittedBy: "planner", lane: lane, in: transaction)
        let waiting = planned.map(\.payout).filter { $0.state == .awaitingApproval }
        _ = try PayoutStore.approve(
            waiting.map(\.payoutID), by: "owner", lane: lane, at: now, in: transaction)
        return planned.map(\.payout.payoutID)
    }

    /// The requests that were made so far, as they are on the topic.
    static func requests(in transaction: borrowing Transaction) throws(PostgresError) -> [(
        key: [UInt8], value: [UInt8]
    )] {
        try transaction.query(
            "SELECT key, payload FROM outbox WHERE out_topic = 'payouts.requested' ORDER BY out_seq"
        ) { row in (key: try row.bytes(0), value: try row.bytes(1)) }
    }
}
