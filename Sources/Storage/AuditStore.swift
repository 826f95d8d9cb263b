public import Domain
public import Postgres

/// What the books say lies on an affiliate's account at a provider.
public struct AccountBalance: Hashable, Sendable {
    public let account: String
    public let affiliateID: String
    public let money: Money
}

/// The standing identities between books, payouts, webhooks and provider; each one that does not hold is a break.
public enum AuditStore {
    /// The accounts that money moved over within the last week and that nothing is on its way to or from now.
    ///
    /// - Parameter last: those behind it, in order; nil: from the first on.
    public static func quietAccounts(
        provider: String, after last: AccountBalance?, limit: Int, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [AccountBalance] {
        try transaction.query(
            """
            SELECT a.account, min(p.affiliate_id), a.currency,
                (COALESCE(sum(a.amount_minor) FILTER (WHERE a.operation = 'transfer'), 0)
                    - COALESCE(sum(a.amount_minor) FILTER (WHERE a.operation = 'payout'
                        AND p.state IN ('paid', 'final')), 0))::int8
            FROM payout_attempt a JOIN payout p USING (payout_id)
            WHERE a.provider = $1 AND (a.account, a.currency) > ($2, $5) AND a.state = 'accepted'
            GROUP BY a.account, a.currency
            HAVING max(a.last_sent_at) >= $4 AND NOT EXISTS (
                SELECT FROM payout_attempt l JOIN payout q USING (payout_id)
                WHERE l.account = a.account AND (l.state IN ('sending', 'unknown')
                    OR q.state IN ('reserved', 'submitting', 'unknown', 'manual', 'submitted', 'canceling',
                        'in_transit')))
            ORDER BY a.account, a.currency LIMIT $3
            """, .text(provider), .text(last?.account ?? ""), .int8(Int64(limit)), .moment(now.adding(days: -7)),
            .text(last?.money.currency.code ?? "")
        ) { row in
            AccountBalance(
                account: try row.text(0), affiliateID: try row.text(1),
                money: Money(minorUnits: try row.int8(3), currency: try row.currency(2)))
        }
    }

    /// Opens a break where a provider has another balance, and closes the one of an account that agrees again.
    ///
    /// - Parameter there: minor units that lie with the provider.
    public static func compare(
        _ balance: AccountBalance, there: Int64, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let objectID = "\(balance.account) \(balance.money.currency.code)"
        guard there == balance.money.minorUnits else {
            return try BreakStore.open(
                [
                    ReconciliationBreak(
                        kind: .balanceMismatch, payoutID: nil, objectID: objectID,
                        detail: "\(balance.money.minorUnits) here, \(there) there", affiliateID: balance.affiliateID,
                        amount: Money(minorUnits: there - balance.money.minorUnits, currency: balance.money.currency))
                ], at: now, in: transaction)
        }
        try close(.balanceMismatch, except: nil, objectID: objectID, at: now, in: transaction)
    }

    /// What the books say that the company has at a provider, in minor units by lower-case currency.
    ///
    /// - Returns: nil while a request is under way or its outcome unknown: then nobody can say.
    public static func ownBalance(
        of provider: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: Int64]? {
        let isMoving = try transaction.query(
            "SELECT 1 FROM payout_attempt WHERE provider = $1 AND state IN ('sending', 'unknown') LIMIT 1",
            .text(provider)
        ) { row in try row.int4(0) }
        guard isMoving.isEmpty else { return nil }
        let balances = try transaction.query(
            """
            SELECT lower(currency), sum(CASE WHEN debit::text = $1 THEN amount_minor ELSE -amount_minor END)::int8
            FROM ledger_posting WHERE $1 IN (debit::text, credit::text) GROUP BY currency
            """, .text("asset:provider:\(provider)")
        ) { row in (currency: try row.text(0), minor: try row.int8(1)) }
        return Dictionary(uniqueKeysWithValues: balances.map { ($0.currency, $0.minor) })
    }

    /// Compares the company's balance at a provider with the books. What was there before the first comparison is the
    /// difference that stays; any other one is a break until a posting explains it.
    ///
    /// - Parameter there: minor units by lower-case currency.
    public static func compareOwn(
        _ here: [String: Int64], of provider: String, there: [String: Int64], at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        // A currency that the provider does not name is one that it does not keep.
        let currencies = there.keys.sorted()
        guard !currencies.isEmpty else { return }
        let compared = try transaction.query(
            """
            INSERT INTO provider_balance AS b (provider, currency, here_minor, there_minor, opening_minor, compared_at)
            SELECT $1, upper(currency), here, there, there - here, $5::timestamptz
            FROM unnest($2::text[], $3::int8[], $4::int8[]) AS n (currency, here, there)
            ON CONFLICT (provider, currency) DO UPDATE
            SET here_minor = excluded.here_minor, there_minor = excluded.there_minor, compared_at = excluded.compared_at
            RETURNING currency, there_minor - here_minor - opening_minor
            """, .text(provider), .texts(currencies), .int8s(currencies.map { here[$0] ?? 0 }),
            .int8s(currencies.map { there[$0] ?? 0 }), .moment(now)
        ) { row in (currency: try row.currency(0), differenceMinor: try row.int8(1)) }
        for balance in compared {
            let objectID = "\(provider) \(balance.currency.code)"
            guard balance.differenceMinor != 0 else {
                try close(.balanceMismatch, except: nil, objectID: objectID, at: now, in: transaction)
                continue
            }
            try BreakStore.open(
                [
                    ReconciliationBreak(
                        kind: .balanceMismatch, payoutID: nil, objectID: objectID,
                        detail: "\(balance.differenceMinor) more there than the books explain",
                        amount: Money(minorUnits: balance.differenceMinor, currency: balance.currency))
                ], at: now, in: transaction)
        }
    }

    /// Compares each affiliate's reserve with its open payouts, and the money in transit with the payouts that are.
    public static func compareReserves(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) {
        let differing = try transaction.query(
            """
            WITH open AS (
                SELECT affiliate_id, currency, sum(amount_minor) AS minor FROM payout
                WHERE state IN ('awaiting_approval', 'reserved', 'submitting', 'unknown', 'manual', 'declined',
                    'submitted', 'canceling', 'in_transit')
                GROUP BY affiliate_id, currency
            )
            SELECT COALESCE(b.affiliate_id, o.affiliate_id), COALESCE(b.currency, o.currency),
                COALESCE(b.reserved, 0), COALESCE(o.minor, 0)::int8
            FROM affiliate_balance b FULL JOIN open o USING (affiliate_id, currency)
            WHERE COALESCE(b.reserved, 0) <> COALESCE(o.minor, 0) LIMIT 100
            """
        ) { row in
            ReconciliationBreak(
                kind: .reservationMismatch, payoutID: nil, objectID: "\(try row.text(0)) \(try row.text(1))",
                detail: "\(try row.int8(2)) reserved, \(try row.int8(3)) in open payouts",
                affiliateID: try row.text(0))
        }
        try BreakStore.open(differing, at: now, in: transaction)
        try close(.reservationMismatch, except: differing.map(\.objectID), objectID: nil, at: now, in: transaction)
    }

    /// Opens a notice for each payout that was moved by asking more than half an hour ago, and that no webhook told of.
    public static func reportMissingWebhooks(
        at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let missing = try transaction.query(
            """
            SELECT DISTINCT ON (e.payout_id) e.payout_id, a.provider_object_id, e.to_state
            FROM payout_event e JOIN payout_attempt a ON a.payout_id = e.payout_id AND a.operation = 'payout'
                AND a.state = 'accepted'
            WHERE e.actor IN ('poll', 'search', 'webhook')
                AND e.to_state IN ('in_transit', 'paid', 'failed', 'returned')
                AND e.at BETWEEN $1 AND $2
                AND NOT EXISTS (
                    SELECT FROM webhook_inbox w
                    WHERE w.object_id = a.provider_object_id AND w.received_at >= $3 AND NOT w.asked_for)
            ORDER BY e.payout_id, e.payout_event_id DESC LIMIT 100
            """, .moment(now.adding(days: -1)), .moment(now.adding(seconds: -1_800)),
            .moment(now.adding(days: -2))
        ) { row in
            ReconciliationBreak(
                kind: .missingWebhook, payoutID: try row.identifier(0), objectID: try row.text(1),
                detail: try row.text(2))
        }
        try BreakStore.open(missing, at: now, in: transaction)
    }

    private static func close(
        _ kind: ReconciliationBreak.Kind, except objectIDs: [String]?, objectID: String?, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            UPDATE reconciliation_break SET resolved_at = $4, resolver = 'reconciler', resolution = 'no longer so'
            WHERE kind = $1 AND resolved_at IS NULL AND ($2::text IS NULL OR object_id = $2)
                AND object_id <> ALL ($3::text[])
            """, .text(kind.rawValue), .optionalText(objectID), .texts(objectIDs ?? []), .moment(now))
    }
}
