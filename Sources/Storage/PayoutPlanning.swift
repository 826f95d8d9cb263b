public import Domain
import Events
public import Outbox
public import Postgres

/// A payout that a planning made.
public struct PlannedPayout: Sendable {
    public let payout: PayoutRecord
    /// Automatic ones are on their way to the payer; manual ones wait for a person.
    public let decision: PayoutDecision
}

extension PayoutStore {
    /// Sets off every affiliate whose payable balance reaches its minimum: what is owed is netted, the rest becomes a
    /// payout, its money reserved and its commissions locked; automatic ones are requested on `lane`.
    ///
    /// Plannings wait for each other, so two of them never see the same balance as free. Call it again while it answers
    /// `maximum` payouts.
    ///
    /// - Parameters:
    ///   - batchKey: names the planning; an affiliate gets one payout per currency and batch, however often it is
    /// called.
    ///   - submittedBy: who may not approve these payouts.
    ///   - maximum: payouts to make in this transaction.
    public static func plan(
        batchKey: String, at now: Timestamp, submittedBy: String, lane: Lane, maximum: Int = 500,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PlannedPayout] {
        _ = try transaction.run("SELECT pg_advisory_xact_lock(hashtext('payout planning'))")
        let balances = try freeBalances(batchKey: batchKey, at: now, maximum: maximum, in: transaction)
        let planned = balances.compactMap { balance in
            makePayout(of: balance, batchKey: batchKey, submittedBy: submittedBy, at: now)
        }
        guard !planned.isEmpty else { return [] }
        try insert(planned, batchKey: batchKey, at: now, in: transaction)
        try recordHistory(
            planned.map { ($0.payout.payoutID, nil, $0.payout.state, "batch \(batchKey)") }, actor: "planner", at: now,
            in: transaction)
        try LedgerStore.append(
            balances.compactMap { $0.netting(batchKey: batchKey) } + planned.map(creation), in: transaction, at: now)
        try lockCommissions(of: planned, at: now, in: transaction)
        try OutboxStore.append(
            planned.filter { $0.payout.state == .reserved }.map { request($0.payout, at: now) }, to: lane,
            in: transaction)
        return planned
    }

    private static func freeBalances(
        batchKey: String, at now: Timestamp, maximum: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FreeBalance] {
        try transaction.query(
            """
            SELECT b.affiliate_id, b.currency, b.payable, b.clawback, COALESCE(l.minimum, 1), COALESCE(l.automatic, 0),
                a.status = 'active', a.fraud_verdict, a.payout_provider, NULLIF(a.provider_account, ''), a.payout_block,
                (SELECT count(*) FROM payout f WHERE f.affiliate_id = b.affiliate_id AND f.created_at >= $2
                     AND f.state IN ('failed', 'returned'))
            FROM affiliate_balance b
            JOIN affiliate a ON a.affiliate_id = b.affiliate_id
            CROSS JOIN LATERAL (
                SELECT max(g.minimum_payout_minor) AS minimum, min(g.auto_approve_limit_minor) AS automatic
                FROM program g
                WHERE g.program_id IN (
                    SELECT c.program_id FROM commission c
                    WHERE c.affiliate_id = b.affiliate_id AND c.currency = b.currency AND c.status = 'approved')
            ) l
            WHERE b.payable - b.clawback >= COALESCE(l.minimum, 1) AND a.status = 'active'
                AND NOT EXISTS (
                    SELECT FROM payout p
                    WHERE p.batch_key = $1 AND p.affiliate_id = b.affiliate_id AND p.currency = b.currency)
            ORDER BY b.affiliate_id, b.currency LIMIT $3 FOR UPDATE OF b
            """, .text(batchKey), .timestamp(microsecondsSinceEpoch: now.adding(days: -30).microsecondsSinceEpoch),
            .int8(Int64(maximum))
        ) { row in
            let payable = try row.int8(2)
            let clawback = try row.int8(3)
            return FreeBalance(
                owedMinor: min(payable, clawback),
                candidate: PayoutCandidate(
                    affiliateID: try row.text(0), currency: try row.currency(1),
                    payableMinor: payable - min(payable, clawback), minimumMinor: try row.int8(4),
                    automaticLimitMinor: try row.int8(5), affiliateIsActive: try row.bool(6),
                    // An unknown verdict must not pay: the strictest stands in for it.
                    verdict: FraudVerdict(rawValue: try row.text(7)) ?? .hold, provider: try row.text(8),
                    destination: try row.textOrNull(9), destinationBlock: try row.textOrNull(10),
                    recentFailures: Int(try row.int8(11))))
        }
    }

    private static func makePayout(
        of balance: FreeBalance, batchKey: String, submittedBy: String, at now: Timestamp
    ) -> PlannedPayout? {
        let candidate = balance.candidate
        let decision = PayoutDecision(candidate)
        let state: PayoutState
        switch decision {
        case .automatic: state = .reserved
        case .manual: state = .awaitingApproval
        case .withheld: return nil
        }
        return PlannedPayout(
            payout: PayoutRecord(
                payoutID: Identifier(hashing: "payout", batchKey, candidate.affiliateID, candidate.currency.code),
                affiliateID: candidate.affiliateID,
                amount: Money(minorUnits: candidate.payableMinor, currency: candidate.currency),
                provider: candidate.provider, destination: candidate.destination ?? "", state: state,
                submittedBy: submittedBy, failureCode: nil, arrivalAt: nil, updatedAt: now),
            decision: decision)
    }

    private static func insert(
        _ planned: [PlannedPayout], batchKey: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.copy(
            into: """
                COPY payout (payout_id, batch_key, affiliate_id, currency, amount_minor, provider, destination, mode,
                state, decision, submitted_by, created_at, updated_at) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for plan in planned {
                let payout = plan.payout
                rows.beginRow(columns: 13)
                rows.uuid(payout.payoutID.value)
                rows.text(batchKey)
                rows.text(payout.affiliateID)
                rows.text(payout.amount.currency.code)
                rows.int8(payout.amount.minorUnits)
                rows.text(payout.provider)
                rows.text(payout.destination)
                rows.text(plan.decision.mode)
                rows.text(payout.state.rawValue)
                rows.jsonb(plan.decision.json)
                rows.text(payout.submittedBy)
                rows.timestamp(now.microsecondsSinceEpoch)
                rows.timestamp(now.microsecondsSinceEpoch)
            }
        }
    }

    private static func creation(_ plan: PlannedPayout) -> LedgerTransaction {
        let payout = plan.payout
        return LedgerTransaction(
            key: "payout:\(payout.payoutID):created", kind: "payout_created",
            inputHash: Identifier(
                hashing: payout.payoutID.description, String(payout.amount.minorUnits), payout.amount.currency.code),
            postings: payout.money.postingsForCreation())
    }

    private static func lockCommissions(
        of planned: [PlannedPayout], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            WITH moved AS (
                UPDATE commission c SET status = 'locked', payout_id = p.payout_id
                FROM unnest($1::uuid[], $2::text[], $3::text[]) AS p (payout_id, affiliate_id, currency)
                WHERE c.affiliate_id = p.affiliate_id AND c.currency = p.currency AND c.status = 'approved'
                RETURNING c.commission_id, c.payout_id)
            INSERT INTO commission_event (commission_id, from_status, to_status, actor, reason, at)
            SELECT commission_id, 'approved', 'locked', 'planner', 'payout ' || payout_id, $4 FROM moved
            """, .uuids(planned.map(\.payout.payoutID.value)), .texts(planned.map(\.payout.affiliateID)),
            .texts(planned.map(\.payout.amount.currency.code)),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
    }
}

/// An affiliate's balance in one currency, locked for a planning.
private struct FreeBalance {
    /// What is taken from `payable` because the affiliate owes it; minor units.
    let owedMinor: Int64
    let candidate: PayoutCandidate

    /// Money that came back from a failed payout may be payable while something is owed: it is netted before it is
    /// paid.
    func netting(batchKey: String) -> LedgerTransaction? {
        guard owedMinor > 0 else { return nil }
        return LedgerTransaction(
            key: "netting:\(batchKey):\(candidate.affiliateID):\(candidate.currency.code)", kind: "netting",
            inputHash: Identifier(hashing: batchKey, candidate.affiliateID, String(owedMinor)),
            postings: [
                Posting(
                    affiliateID: candidate.affiliateID, currency: candidate.currency, debit: .payable,
                    credit: .clawback, amountMinor: owedMinor)
            ])
    }
}

extension PayoutDecision {
    /// The value of the column `payout.mode`.
    var mode: String {
        switch self {
        case .automatic: "automatic"
        case .manual, .withheld: "manual"
        }
    }

    /// Every limit with its value, as the column `payout.decision` keeps it.
    var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("mode", mode)
            writer.member("limits", limits) { writer, limit in
                writer.object { writer in
                    writer.member("name", limit.name)
                    writer.member("threshold", limit.threshold)
                    writer.member("value", limit.value)
                    writer.member("passed", limit.passed)
                }
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
