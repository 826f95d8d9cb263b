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

/// Whose balances a planning looks at.
public struct PayoutScope: Hashable, Sendable {
    public let affiliateID: String
    /// nil: all of the affiliate's.
    public let currency: Currency?

    public init(affiliateID: String, currency: Currency? = nil) {
        self.affiliateID = affiliateID
        self.currency = currency
    }
}

extension PayoutStore {
    /// Sets off every affiliate whose payable balance reaches its minimum: what is owed is netted, the rest becomes a
    /// payout, its money reserved and its commissions locked; automatic ones are requested on `lane`.
    ///
    /// Plannings wait for each other, so two of them never see the same balance as free. Call it again while it answers
    /// `maximum` payouts. What is withheld is kept with its reasons.
    ///
    /// - Parameters:
    ///   - batchKey: names the planning; an affiliate gets one payout per currency and batch, however often it is
    /// called.
    ///   - scope: leaves the other balances alone; nil: everybody's are looked at.
    ///   - submittedBy: who may not approve these payouts.
    ///   - earnedBefore: leaves commissions that were recorded later where they are; nil: all that is payable is paid.
    ///   - maximum: payouts to make in this transaction.
    public static func plan(
        batchKey: String, scope: PayoutScope? = nil, at now: Timestamp, submittedBy: String, lane: Lane,
        earnedBefore: Timestamp? = nil, maximum: Int = 500, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PlannedPayout] {
        _ = try transaction.run("SELECT pg_advisory_xact_lock(hashtext('payout planning'))")
        var planned: [PlannedPayout] = []
        var today = try automaticToday(at: now, in: transaction)
        while planned.count < maximum {
            let limit = maximum - planned.count
            let balances = try freeBalances(
                batchKey: batchKey, scope, at: now, earnedBefore: earnedBefore, maximum: limit, in: transaction)
            let decided = balances.map { balance in
                var candidate = balance.candidate
                candidate.exposure.todayMinor = today[candidate.currency] ?? 0
                let decision = PayoutDecision(candidate)
                if case .automatic = decision { today[candidate.currency, default: 0] += candidate.payableMinor }
                return (balance: balance, decision: decision)
            }
            try PayoutWithholding.keep(
                decided.map { ($0.balance.candidate, $0.decision) }, batchKey: batchKey, at: now, in: transaction)
            planned += try make(
                decided, batchKey: batchKey, submittedBy: submittedBy, lane: lane, earnedBefore: earnedBefore, at: now,
                in: transaction)
            if balances.count < limit { break }
        }
        return planned
    }

    private static func make(
        _ decided: [(balance: FreeBalance, decision: PayoutDecision)], batchKey: String, submittedBy: String,
        lane: Lane, earnedBefore: Timestamp?, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PlannedPayout] {
        let planned = decided.compactMap { entry in
            makePayout(of: entry.balance, entry.decision, batchKey: batchKey, submittedBy: submittedBy, at: now)
        }
        guard !planned.isEmpty else { return [] }
        let netted = decided.filter { !$0.decision.isWithheld }.compactMap { $0.balance.netting(batchKey: batchKey) }
        try insert(planned, batchKey: batchKey, at: now, in: transaction)
        try recordHistory(
            planned.map { ($0.payout.payoutID, nil, $0.payout.state, "batch \(batchKey)") }, actor: "planner", at: now,
            in: transaction)
        try LedgerStore.append(netted + planned.map(creation), in: transaction, at: now)
        try lockCommissions(of: planned, earnedBefore: earnedBefore, at: now, in: transaction)
        try OutboxStore.append(
            planned.filter { $0.payout.state == .reserved }.map { request($0.payout, at: now) }, to: lane,
            in: transaction)
        return planned
    }

    /// What was planned today, by UTC, without asking a person.
    private static func automaticToday(
        at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Currency: Int64] {
        let sums = try transaction.query(
            """
            SELECT currency, sum(amount_minor)::int8 FROM payout
            WHERE created_at >= $1 AND mode = 'automatic' AND state NOT IN ('canceled', 'failed') GROUP BY currency
            """, .moment(Timestamp(secondsSinceEpoch: Int64(now.day) * 86_400))
        ) { row in (currency: try row.currency(0), minor: try row.int8(1)) }
        return Dictionary(uniqueKeysWithValues: sums.map { ($0.currency, $0.minor) })
    }

    private static func freeBalances(
        batchKey: String, _ scope: PayoutScope?, at now: Timestamp, earnedBefore: Timestamp?, maximum: Int,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FreeBalance] {
        try transaction.query(
            """
            SELECT b.affiliate_id, b.currency, b.payable, b.clawback, COALESCE(l.minimum, 1), COALESCE(l.automatic, 0),
                a.status = 'active', a.fraud_verdict, a.payout_provider, NULLIF(a.provider_account, ''), a.payout_block,
                (SELECT count(*) FROM payout f WHERE f.affiliate_id = b.affiliate_id AND f.created_at >= $2
                     AND f.state IN ('failed', 'returned')),
                COALESCE(l.second, 1000000), a.kyc_status, a.tax_status,
                (SELECT z.scope FROM payout_freeze z WHERE z.lifted_at IS NULL AND (z.scope = 'all'
                    OR (z.scope = 'provider' AND z.subject = a.payout_provider)
                    OR (z.scope = 'affiliate' AND z.subject = a.affiliate_id)) ORDER BY z.scope LIMIT 1),
                CASE WHEN a.payout_method_usable_at > $4 THEN a.payout_method_usable_at END, l.ripe,
                (SELECT COALESCE(sum(o.amount_minor), 0)::int8 FROM payout o
                    WHERE o.affiliate_id = b.affiliate_id AND o.currency = b.currency AND o.created_at >= $2
                        AND o.state NOT IN ('rejected', 'canceled', 'failed', 'returned')),
                l.thirty_day, GREATEST(0, extract(epoch FROM $4 - a.joined_at) / 86400)::int8, COALESCE(l.age, 0),
                l.daily
            FROM affiliate_balance b
            JOIN affiliate a ON a.affiliate_id = b.affiliate_id
            CROSS JOIN LATERAL (
                SELECT max(g.minimum_payout_minor) AS minimum, min(g.auto_approve_limit_minor) AS automatic,
                    min(g.second_approval_limit_minor) AS second, min(g.thirty_day_limit_minor) AS thirty_day,
                    min(g.daily_limit_minor) AS daily, max(g.affiliate_age_days) AS age, (
                        SELECT COALESCE(sum(r.amount_minor - r.reversed_minor), 0)::int8 FROM commission r
                        WHERE r.affiliate_id = b.affiliate_id AND r.currency = b.currency AND r.status = 'approved'
                            AND r.recorded_at < COALESCE($5::timestamptz, 'infinity')) AS ripe
                FROM program g
                WHERE g.program_id IN (
                    SELECT c.program_id FROM commission c
                    WHERE c.affiliate_id = b.affiliate_id AND c.currency = b.currency AND c.status = 'approved')
            ) l
            WHERE b.payable - b.clawback >= COALESCE(l.minimum, 1)
                AND ($6::text IS NULL OR b.affiliate_id = $6) AND ($7::text IS NULL OR b.currency = $7)
                AND ($5::timestamptz IS NULL OR LEAST(b.payable - b.clawback, l.ripe) >= COALESCE(l.minimum, 1))
                AND NOT EXISTS (
                    SELECT FROM payout p
                    WHERE p.batch_key = $1 AND p.affiliate_id = b.affiliate_id AND p.currency = b.currency)
                AND NOT EXISTS (
                    SELECT FROM payout_withheld w
                    WHERE w.batch_key = $1 AND w.affiliate_id = b.affiliate_id AND w.currency = b.currency)
            ORDER BY b.affiliate_id, b.currency LIMIT $3 FOR UPDATE OF b
            """, .text(batchKey), .moment(now.adding(days: -30)), .int8(Int64(maximum)), .moment(now),
            .optionalTimestamp(earnedBefore?.microsecondsSinceEpoch), .optionalText(scope?.affiliateID),
            .optionalText(scope?.currency?.code)
        ) { row throws(PostgresError) in try FreeBalance(row, isRipeOnly: earnedBefore != nil) }
    }

    private static func makePayout(
        of balance: FreeBalance, _ decision: PayoutDecision, batchKey: String, submittedBy: String, at now: Timestamp
    ) -> PlannedPayout? {
        let candidate = balance.candidate
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
                submittedBy: submittedBy, failureCode: nil, arrivalAt: nil, updatedAt: now,
                needsSecond: decision.needsSecondApproval, approvedBy: nil),
            decision: decision)
    }

    private static func insert(
        _ planned: [PlannedPayout], batchKey: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.copy(
            into: """
                COPY payout (payout_id, batch_key, affiliate_id, currency, amount_minor, provider, destination, mode,
                state, decision, needs_second, submitted_by, created_at, updated_at) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for plan in planned {
                let payout = plan.payout
                rows.beginRow(columns: 14)
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
                rows.bool(payout.needsSecond)
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
        of planned: [PlannedPayout], earnedBefore: Timestamp?, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            WITH moved AS (
                UPDATE commission c SET status = 'locked', payout_id = p.payout_id
                FROM unnest($1::uuid[], $2::text[], $3::text[]) AS p (payout_id, affiliate_id, currency)
                WHERE c.affiliate_id = p.affiliate_id AND c.currency = p.currency AND c.status = 'approved'
                    AND c.recorded_at < COALESCE($5::timestamptz, 'infinity')
                RETURNING c.commission_id, c.payout_id)
            INSERT INTO commission_event (commission_id, from_status, to_status, actor, reason, at)
            SELECT commission_id, 'approved', 'locked', 'planner', 'payout ' || payout_id, $4 FROM moved
            """, .uuids(planned.map(\.payout.payoutID.value)), .texts(planned.map(\.payout.affiliateID)),
            .texts(planned.map(\.payout.amount.currency.code)),
            .moment(now), .optionalTimestamp(earnedBefore?.microsecondsSinceEpoch))
    }
}

/// An affiliate's balance in one currency, locked for a planning.
private struct FreeBalance {
    /// What is taken from `payable` because the affiliate owes it; minor units.
    let owedMinor: Int64
    let candidate: PayoutCandidate

    /// - Parameter isRipeOnly: leaves what was earned too late.
    init(_ row: borrowing Row, isRipeOnly: Bool) throws(PostgresError) {
        let (payable, clawback) = (try row.int8(2), try row.int8(3))
        let free = payable - min(payable, clawback)
        var exposure = PayoutExposure()
        exposure.recentMinor = try row.int8(18)
        exposure.recentLimitMinor = try row.int8OrNull(19)
        exposure.ageDays = try row.int8(20)
        exposure.ageDaysMinimum = Int64(try row.int4(21))
        exposure.todayLimitMinor = try row.int8OrNull(22)
        owedMinor = min(payable, clawback)
        candidate = PayoutCandidate(
            affiliateID: try row.text(0), currency: try row.currency(1),
            payableMinor: isRipeOnly ? min(free, try row.int8(17)) : free,
            minimumMinor: try row.int8(4), automaticLimitMinor: try row.int8(5),
            secondApprovalLimitMinor: try row.int8(12), affiliateIsActive: try row.bool(6),
            kycStatus: try row.text(13), taxStatus: try row.text(14), freeze: try row.textOrNull(15),
            // An unknown verdict must not pay: the strictest stands in for it.
            verdict: FraudVerdict(rawValue: try row.text(7)) ?? .hold, provider: try row.text(8),
            destination: try row.textOrNull(9), destinationBlock: try row.textOrNull(10),
            coolingUntil: try row.timestampOrNull(16).map { Timestamp(microsecondsSinceEpoch: $0) },
            recentFailures: Int(try row.int8(11)), exposure: exposure)
    }

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
    var isWithheld: Bool {
        if case .withheld = self { true } else { false }
    }

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
