import Domain
import Events
import Postgres
import Storage

/// One limit of the decision about a payout.
struct DecisionLimitRow: Encodable, Sendable {
    let name: String
    let threshold: String
    let value: String
    let passed: Bool

    /// - Parameter decision: as the column `decision` keeps it.
    static func all(in decision: String) -> [DecisionLimitRow] {
        let limits = JSONTree(Array(decision.utf8)[...])?["limits"]?.array ?? []
        return limits.map { limit in
            DecisionLimitRow(
                name: limit["name"]?.string ?? "", threshold: limit["threshold"]?.string ?? "",
                value: limit["value"]?.string ?? "", passed: limit["passed"]?.bool ?? false)
        }
    }
}

/// A webhook about one of a payout's objects.
struct PayoutWebhookRow: Sendable {
    let kind: String
    let eventID: String
    let receivedAt: String
    let result: String?
}

/// A posting of a payout.
struct PayoutPostingRow: Sendable {
    let transactionID: String
    let kind: String
    let debit: String
    let credit: String
    let amountMinor: Int64
    let currency: String
    let at: String
}

/// What a person said about an unknown outcome, and what waits for a second one.
struct ResolutionRow: Sendable {
    let verdict: String
    let objectID: String
    let evidence: String
    let proposedBy: String
    let confirmedBy: String?
}

/// What a payout's card shows beside its history.
struct PayoutCard: Sendable {
    static let rowsMaximum = 50

    let limits: [DecisionLimitRow]
    let webhooks: [PayoutWebhookRow]
    let postings: [PayoutPostingRow]
    let resolutions: [ResolutionRow]
    let breaks: [BreakRow]
    /// Freezes that hold it back.
    let freezes: [FreezeRow]
    /// When the provider is asked next.
    let checkAt: String?
    /// The payout that this one pays again.
    let repeats: String?
    /// What could be paid to its affiliate now, in its currency, and why it is not.
    let balance: PayableBalance
    let withheld: WithheldRow?

    static func load(
        _ status: PayoutStatus, _ payoutID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> PayoutCard {
        let id = PostgresValue.uuid(payoutID.value)
        let facts = try transaction.query(
            "SELECT decision::text, check_at, batch_key FROM payout WHERE payout_id = $1", id
        ) { row in (decision: try row.text(0), checkAt: try row.momentOrNull(1), batchKey: try row.text(2)) }
        let (affiliateID, currency) = (status.payout.affiliateId, status.payout.currency)
        return PayoutCard(
            limits: DecisionLimitRow.all(in: facts.first?.decision ?? ""),
            webhooks: try webhooks(about: status.attempts.compactMap(\.providerObjectId), in: transaction),
            postings: try postings(of: payoutID, in: transaction),
            resolutions: try resolutions(of: id, in: transaction),
            breaks: try BreakQueries.list(BreakFilter(payoutID: payoutID), in: transaction),
            freezes: try FreezeQueries.inForce(in: transaction).filter { $0.holds(status.payout) },
            checkAt: facts.first?.checkAt,
            repeats: PayoutRetryRoutes.repeated(by: facts.first?.batchKey ?? ""),
            balance: try PayoutStore.payable(to: affiliateID, currency, in: transaction),
            withheld: try WithheldRow.list(
                affiliateID: affiliateID, currency: currency, limit: 1, in: transaction
            ).first)
    }

    private static func webhooks(
        about objectIDs: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PayoutWebhookRow] {
        try transaction.query(
            """
            SELECT kind, event_id, received_at, result FROM webhook_inbox WHERE object_id = ANY ($1::text[])
            ORDER BY received_at, event_id LIMIT $2
            """, .texts(objectIDs), .int8(Int64(rowsMaximum))
        ) { row in
            PayoutWebhookRow(
                kind: try row.text(0), eventID: try row.text(1), receivedAt: try row.moment(2),
                result: try row.textOrNull(3))
        }
    }

    /// A payout's transactions are named by what happened to it, so their ids follow from its own.
    private static func postings(
        of payoutID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PayoutPostingRow] {
        let transfers = (1...PayoutSchedule.stripe.attemptsMaximum).map { "transfer:\($0)" }
        let events = ["created"] + transfers + PayoutState.allCases.map(\.rawValue)
        let ids = events.map { LedgerTransaction.transactionID(of: "payout:\(payoutID):\($0)").value }
        return try transaction.query(
            """
            SELECT t.transaction_id, t.kind, p.debit::text, p.credit::text, p.amount_minor, p.currency, t.recorded_at
            FROM ledger_transaction t JOIN ledger_posting p USING (transaction_id)
            WHERE t.transaction_id = ANY ($1::uuid[]) ORDER BY t.recorded_at, t.kind, p.line
            """, .uuids(ids)
        ) { row in
            PayoutPostingRow(
                transactionID: try row.identifier(0), kind: try row.text(1), debit: try row.text(2),
                credit: try row.text(3), amountMinor: try row.int8(4), currency: try row.text(5),
                at: try row.moment(6))
        }
    }

    private static func resolutions(
        of payoutID: PostgresValue, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [ResolutionRow] {
        try transaction.query(
            """
            SELECT verdict, provider_object_id, evidence, proposed_by, confirmed_by FROM payout_resolution
            WHERE payout_id = $1 ORDER BY payout_resolution_id LIMIT 50
            """, payoutID
        ) { row in
            ResolutionRow(
                verdict: try row.text(0), objectID: try row.text(1), evidence: try row.text(2),
                proposedBy: try row.text(3), confirmedBy: try row.textOrNull(4))
        }
    }
}
