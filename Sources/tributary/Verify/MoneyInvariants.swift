extension Invariant {
    /// I2: one effect per event, and sums that equal a recomputation.
    static let oneEffect = Invariant(
        name: "I2",
        checks: [
            InvariantCheck(
                claim: "settled events have exactly one effect of their kind",
                statement: """
                    WITH settled AS (
                        SELECT e.event_key, e.occurred_at, e.event_id, e.kind FROM event e
                        WHERE NOT EXISTS (SELECT FROM parked_event p
                            WHERE p.event_key = e.event_key AND p.occurred_at = e.occurred_at)
                    ), effect AS (
                        SELECT event_key, occurred_at, count(*) AS effects FROM (
                            SELECT event_key, occurred_at FROM conversion
                            UNION ALL SELECT event_key, occurred_at FROM refund
                            UNION ALL SELECT event_key, occurred_at FROM refund_reversal) every
                        GROUP BY event_key, occurred_at
                    )
                    SELECT count(*), count(*) FILTER (WHERE broken), min(event_id) FILTER (WHERE broken) FROM (
                        SELECT s.event_id, COALESCE(f.effects, 0) <> CASE s.kind WHEN 1 THEN 0 ELSE 1 END AS broken
                        FROM settled s LEFT JOIN effect f USING (event_key, occurred_at)) every
                    """),
            InvariantCheck(
                claim: "clicks were each reported by one event",
                statement: """
                    WITH dropped AS (
                        SELECT COALESCE(sum(rows) FILTER (WHERE relation = 'event'), 0)::int8 AS events,
                            COALESCE(sum(rows) FILTER (WHERE relation = 'click'), 0)::int8 AS clicks
                        FROM dropped_month WHERE kind = 1
                    )
                    SELECT e.events + d.events, abs(e.events + d.events - c.clicks - d.clicks), NULL::text
                    FROM dropped d, (SELECT count(*) AS events FROM event WHERE kind = 1) e,
                        (SELECT count(*) AS clicks FROM click) c
                    """),
            InvariantCheck(
                claim: "commissions are reversed by the sum of their refunds",
                statement: """
                    WITH refunded AS (
                        SELECT conversion_id, sum(minor) AS minor FROM (
                            SELECT conversion_id, reversed_minor AS minor FROM refund
                            UNION ALL SELECT conversion_id, -restored_minor FROM refund_reversal) every
                        GROUP BY conversion_id
                    ), taken AS (
                        SELECT conversion_id, sum(reversed_minor) AS minor FROM commission
                        WHERE conversion_id NOT IN (SELECT conversion_id FROM conversion_correction)
                        GROUP BY conversion_id
                    )
                    SELECT count(*), count(*) FILTER (WHERE broken), min(conversion_id::text) FILTER (WHERE broken)
                    FROM (
                        SELECT conversion_id, t.minor <> COALESCE(r.minor, 0) AS broken
                        FROM taken t LEFT JOIN refunded r USING (conversion_id)) every
                    """),
            InvariantCheck(
                claim: "affiliates' commission expense in the ledger equals their commissions less reversals",
                statement: """
                    WITH ledger AS (
                        SELECT affiliate_id, currency, sum(CASE WHEN debit = 'exp:commission' THEN amount_minor ELSE 0
                        END
                            - CASE WHEN credit = 'exp:commission' THEN amount_minor ELSE 0 END) AS minor
                        FROM ledger_posting GROUP BY affiliate_id, currency
                    ), priced AS (
                        SELECT affiliate_id, currency, sum(amount_minor - reversed_minor) AS minor
                        FROM commission GROUP BY affiliate_id, currency
                    )
                    SELECT count(*), count(*) FILTER (WHERE broken), min(who) FILTER (WHERE broken) FROM (
                        SELECT COALESCE(l.affiliate_id, p.affiliate_id) || ' ' || COALESCE(l.currency, p.currency) AS
                        who,
                            COALESCE(l.minor, 0) <> COALESCE(p.minor, 0) AS broken
                        FROM ledger l FULL JOIN priced p USING (affiliate_id, currency)) every
                    """),
            InvariantCheck(
                claim: "affiliates' days add up to what a recount finds",
                statement: """
                    WITH fact AS (
                        SELECT COALESCE(k.to_affiliate, c.affiliate_id) AS affiliate_id, program_id, currency,
                            sum(quantity) AS conversions, sum(amount_minor) AS revenue
                        FROM conversion c LEFT JOIN (
                            SELECT DISTINCT ON (conversion_id) conversion_id, to_affiliate FROM conversion_correction
                            ORDER BY conversion_id, sequence DESC) k USING (conversion_id)
                        WHERE NOT is_test GROUP BY 1, program_id, currency
                    ), kept AS (
                        SELECT affiliate_id, program_id, currency, sum(conversions) AS conversions,
                            sum(revenue_minor) AS revenue
                        FROM affiliate_day GROUP BY 1, 2, 3 HAVING sum(conversions) > 0
                    )
                    SELECT count(*), count(*) FILTER (WHERE broken), min(who) FILTER (WHERE broken) FROM (
                        SELECT affiliate_id || ' ' || program_id || ' ' || currency AS who,
                            (f.conversions, f.revenue) IS DISTINCT FROM (k.conversions, k.revenue) AS broken
                        FROM fact f FULL JOIN kept k USING (affiliate_id, program_id, currency)) every
                    """),
        ])

    /// I7: no payout is sent twice, no more is settled than was asked for, and the books balance.
    static let money = Invariant(
        name: "I7",
        checks: [
            InvariantCheck(
                claim: "payouts have at most one acceptance per step at the provider",
                statement: """
                    SELECT count(*), count(*) FILTER (WHERE broken), min(payout_id::text) FILTER (WHERE broken) FROM (
                        SELECT p.payout_id, COALESCE(max(a.accepted) > 1 OR max(a.live) > 1, false) AS broken
                        FROM payout p LEFT JOIN (
                            SELECT payout_id, operation, count(*) FILTER (WHERE state = 'accepted') AS accepted,
                                count(*) FILTER (WHERE state <> 'declined') AS live
                            FROM payout_attempt GROUP BY payout_id, operation) a USING (payout_id)
                        GROUP BY p.payout_id) every
                    """),
            InvariantCheck(
                claim: "paid payouts have an accepted bank payout of their own amount and currency",
                statement: """
                    SELECT count(*), count(*) FILTER (WHERE a.payout_id IS NULL),
                        min(p.payout_id::text) FILTER (WHERE a.payout_id IS NULL)
                    FROM payout p LEFT JOIN payout_attempt a ON a.payout_id = p.payout_id AND a.operation = 'payout'
                        AND a.state = 'accepted' AND a.amount_minor = p.amount_minor AND a.currency = p.currency
                    WHERE p.provider IN ('stripe', 'circle') AND p.state IN
                        ('submitted', 'canceling', 'in_transit', 'paid', 'final', 'returned')
                    """),
            InvariantCheck(
                claim: "balances equal the ledger's postings",
                statement: """
                    WITH side AS (
                        SELECT affiliate_id, currency, credit AS account, amount_minor AS minor FROM ledger_posting
                        UNION ALL SELECT affiliate_id, currency, debit, -amount_minor FROM ledger_posting
                    ), ledger AS (
                        SELECT affiliate_id, currency,
                            COALESCE(sum(minor) FILTER (WHERE account = 'liab:affiliate:pending'), 0) AS pending,
                            COALESCE(sum(minor) FILTER (WHERE account = 'liab:affiliate:payable'), 0) AS payable,
                            COALESCE(sum(minor) FILTER (WHERE account = 'liab:affiliate:reserved'), 0) AS reserved,
                            COALESCE(-sum(minor) FILTER (WHERE account = 'asset:affiliate:clawback'), 0) AS clawback
                        FROM side WHERE affiliate_id <> '' GROUP BY affiliate_id, currency
                    )
                    SELECT count(*), count(*) FILTER (WHERE broken), min(who) FILTER (WHERE broken) FROM (
                        SELECT affiliate_id || ' ' || currency AS who,
                            (COALESCE(l.pending, 0), COALESCE(l.payable, 0), COALESCE(l.reserved, 0),
                                COALESCE(l.clawback, 0)) IS DISTINCT FROM (COALESCE(b.pending, 0)::numeric,
                                COALESCE(b.payable, 0)::numeric, COALESCE(b.reserved, 0)::numeric,
                                COALESCE(b.clawback, 0)::numeric) AS broken
                        FROM ledger l FULL JOIN affiliate_balance b USING (affiliate_id, currency)) every
                    """),
            InvariantCheck(
                claim: "affiliates' reserved money is that of their open payouts",
                statement: """
                    WITH open AS (
                        SELECT affiliate_id, currency, sum(amount_minor) AS minor FROM payout WHERE state IN
                            ('awaiting_approval', 'reserved', 'submitting', 'unknown', 'manual', 'declined',
                            'submitted', 'canceling', 'in_transit') GROUP BY affiliate_id, currency
                    )
                    SELECT count(*), count(*) FILTER (WHERE broken), min(who) FILTER (WHERE broken) FROM (
                        SELECT affiliate_id || ' ' || currency AS who,
                            COALESCE(o.minor, 0) <> COALESCE(b.reserved, 0) AS broken
                        FROM open o FULL JOIN affiliate_balance b USING (affiliate_id, currency)) every
                    """),
            InvariantCheck(
                claim: "currencies settled no more than was requested",
                statement: """
                    SELECT count(*), count(*) FILTER (WHERE settled > requested), min(currency)
                        FILTER (WHERE settled > requested) FROM (
                        SELECT currency, sum(amount_minor) AS requested, COALESCE((
                            SELECT sum(l.amount_minor) FROM ledger_posting l WHERE l.currency = p.currency
                                AND l.debit = 'liab:affiliate:reserved' AND l.credit <> 'liab:affiliate:payable'), 0)
                            - COALESCE((SELECT sum(l.amount_minor) FROM ledger_posting l WHERE l.currency = p.currency
                                AND l.credit = 'liab:affiliate:reserved' AND l.debit <> 'liab:affiliate:payable'), 0)
                            AS settled
                        FROM payout p GROUP BY currency) every
                    """),
        ])
}
