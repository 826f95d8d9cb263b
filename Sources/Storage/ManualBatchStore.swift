public import Domain
public import Postgres

/// A file of payouts that people pay outside.
public struct ManualBatch: Encodable, Hashable, Sendable {
    public let batchId: Int64
    public let madeBy: String
    public let madeAt: String
    public let payouts: Int64
    /// Of these: still to be paid, said to be paid by one person, and paid.
    public let open: Int64
    public let proposed: Int64
    public let paid: Int64
    /// What the first person saw.
    public let reference: String?
    public let proposedBy: String?
}

/// What became of a person's word on a batch.
public enum BatchMark: Hashable, Sendable {
    case done(payouts: Int)
    case notFound
    /// Nothing of it waits for that.
    case nothingWaits
    /// Who said that it is paid cannot be the one who agrees.
    case samePerson
}

/// Payouts that no provider sends: handed out as a file, paid outside, and marked by two people.
public enum ManualBatchStore {
    /// Payouts of one file.
    public static let payoutsMaximum = 1_000
    private static let batchesMaximum = 100

    /// Makes a batch of what waits for a person to pay it and is in none.
    ///
    /// - Returns: nil if nothing waits.
    public static func make(
        by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int64? {
        let waiting = try transaction.query(
            """
            SELECT payout_id FROM payout p WHERE state = 'manual' AND provider = 'manual'
                AND NOT EXISTS (SELECT FROM manual_batch_payout b WHERE b.payout_id = p.payout_id)
            ORDER BY payout_id LIMIT $1 FOR UPDATE
            """, .int8(Int64(payoutsMaximum))
        ) { row in try row.uuid(0) }
        guard !waiting.isEmpty else { return nil }
        return try transaction.query(
            """
            WITH made AS (INSERT INTO manual_batch (made_by, made_at) VALUES ($1, $2) RETURNING manual_batch_id),
                filled AS (
                    INSERT INTO manual_batch_payout (payout_id, manual_batch_id)
                    SELECT payout_id, manual_batch_id FROM unnest($3::uuid[]) AS w (payout_id) CROSS JOIN made)
            SELECT manual_batch_id FROM made
            """, .text(actor), .moment(now), .uuids(waiting)
        ) { row in try row.int8(0) }.first
    }

    /// The newest batches first.
    public static func list(in transaction: borrowing Transaction) throws(PostgresError) -> [ManualBatch] {
        try transaction.query(
            """
            SELECT b.manual_batch_id, b.made_by, b.made_at, count(*),
                count(*) FILTER (WHERE p.state = 'manual' AND r.payout_id IS NULL),
                count(*) FILTER (WHERE p.state = 'manual' AND r.payout_id IS NOT NULL),
                count(*) FILTER (WHERE p.state IN ('paid', 'final', 'returned')), min(r.provider_object_id),
                min(r.proposed_by)
            FROM manual_batch b JOIN manual_batch_payout USING (manual_batch_id) JOIN payout p USING (payout_id)
            LEFT JOIN payout_resolution r ON r.payout_id = p.payout_id AND r.confirmed_at IS NULL
            GROUP BY b.manual_batch_id ORDER BY b.manual_batch_id DESC LIMIT $1
            """, .int8(Int64(batchesMaximum))
        ) { row in
            ManualBatch(
                batchId: try row.int8(0), madeBy: try row.text(1),
                madeAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(2)).rfc3339, payouts: try row.int8(3),
                open: try row.int8(4), proposed: try row.int8(5), paid: try row.int8(6),
                reference: try row.textOrNull(7), proposedBy: try row.textOrNull(8))
        }
    }

    /// The file of a batch: who gets how much, where to, and the words that tell a payment from another.
    ///
    /// - Returns: nil if there is no such batch.
    public static func file(
        _ batchID: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> String? {
        let rows = try transaction.query(
            """
            SELECT p.payout_id::text, p.affiliate_id, a.name, p.destination, p.amount_minor, p.currency
            FROM manual_batch_payout b JOIN payout p USING (payout_id) JOIN affiliate a USING (affiliate_id)
            WHERE b.manual_batch_id = $1 ORDER BY p.payout_id
            """, .int8(batchID)
        ) { row in
            let amount = Money(minorUnits: try row.int8(4), currency: try row.currency(5))
            let id = try row.text(0)
            return CSVText.row([
                id, try row.text(1), try row.text(2), try row.text(3), amount.decimal, amount.currency.code,
                "TRIBUTARY \(id.prefix(8).uppercased())",
            ])
        }
        guard !rows.isEmpty else { return nil }
        let head = ["payout_id", "affiliate_id", "name", "account", "amount", "currency", "reference"]
        return CSVText.row(head) + rows.joined()
    }

    /// Keeps one person's word that a batch was paid; nothing moves before a second one agrees.
    ///
    /// - Parameter reference: of the payment, as the bank shows it; 1 to 255 bytes.
    public static func markPaid(
        _ batchID: Int64, reference: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> BatchMark {
        let payouts = try lock(batchID, in: transaction)
        guard !payouts.isEmpty else { return .notFound }
        let proposed = try transaction.run(
            """
            INSERT INTO payout_resolution (payout_id, verdict, provider_object_id, evidence, proposed_by, proposed_at)
            SELECT payout_id, 'submitted', $2, 'batch ' || $3::int8, $4, $5::timestamptz
            FROM unnest($1::uuid[]) AS p (payout_id)
            ON CONFLICT (payout_id) WHERE confirmed_at IS NULL DO NOTHING
            """, .uuids(payouts.filter { $0.state == .manual }.map(\.payoutID.value)), .text(reference),
            .int8(batchID), .text(actor), .moment(now))
        return proposed == 0 ? .nothingWaits : .done(payouts: proposed)
    }

    /// Agrees that a batch was paid.
    public static func confirm(
        _ batchID: Int64, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> BatchMark {
        let payouts = try lock(batchID, in: transaction)
        guard !payouts.isEmpty else { return .notFound }
        let open = try transaction.query(
            """
            SELECT payout_id, proposed_by, provider_object_id FROM payout_resolution
            WHERE payout_id = ANY ($1::uuid[]) AND verdict = 'submitted' AND confirmed_at IS NULL FOR UPDATE
            """, .uuids(payouts.filter { $0.state == .manual }.map(\.payoutID.value))
        ) { row in (payoutID: try row.identifier(0), by: try row.text(1), reference: try row.text(2)) }
        guard !open.isEmpty else { return .nothingWaits }
        guard open.allSatisfy({ $0.by != actor }) else { return .samePerson }
        _ = try transaction.run(
            """
            UPDATE payout_resolution SET confirmed_by = $2, confirmed_at = $3
            WHERE payout_id = ANY ($1::uuid[]) AND verdict = 'submitted' AND confirmed_at IS NULL
            """, .uuids(open.map(\.payoutID.value)), .text(actor), .moment(now))
        let references = Dictionary(open.map { ($0.payoutID, $0.reference) }) { first, _ in first }
        try PayoutStore.settleByHand(
            payouts.compactMap { payout in references[payout.payoutID].map { (payout, $0) } }, by: actor, at: now,
            in: transaction)
        return .done(payouts: open.count)
    }

    private static func lock(
        _ batchID: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PayoutRecord] {
        let ids = try transaction.query(
            "SELECT payout_id FROM manual_batch_payout WHERE manual_batch_id = $1", .int8(batchID)
        ) { row in try row.identifier(0) }
        return try PayoutStore.lock(ids, in: transaction)
    }
}

extension PayoutStore {
    /// Moves payouts that were paid outside, as two people say, to their end.
    ///
    /// - Parameter payouts: locked, in `manual`, each with the reference of its payment.
    static func settleByHand(
        _ payouts: [(payout: PayoutRecord, reference: String)], by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let submitted = try move(
            payouts.map { PayoutMove($0.payout, to: .submitted, evidence: $0.reference) }, actor: actor, at: now,
            in: transaction)
        try move(
            zip(submitted, payouts).map { PayoutMove($0, to: .paid, evidence: $1.reference) }, actor: actor, at: now,
            in: transaction)
    }

    /// Makes payable again what was paid outside and came back, as two people say. The account that did not keep it is
    /// not paid to before it changes.
    ///
    /// - Parameter payout: locked, in `paid` or `final`.
    static func returnByHand(
        _ payout: PayoutRecord, evidence: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let code = "returned_by_hand"
        try move(
            [PayoutMove(payout, to: .returned, evidence: evidence, failureCode: code)], actor: actor, at: now,
            in: transaction)
        try PayoutAttemptStore.block(payout, code: code, in: transaction)
        guard payout.state == .final else { return }
        try BreakStore.open(
            [
                ReconciliationBreak(
                    kind: .lateReturn, payoutID: payout.payoutID, objectID: "", detail: "returned after its window",
                    affiliateID: payout.affiliateID, amount: payout.amount)
            ], at: now, in: transaction)
    }
}
