-- What changes what an affiliate is owed: a posting between one of its accounts and one that is not its own.
CREATE VIEW affiliate_movement AS
SELECT t.transaction_id, t.kind, t.key, t.recorded_at, p.line, p.affiliate_id, p.currency, s.minor,
    CASE
        WHEN s.other = 'exp:commission' THEN CASE WHEN s.minor > 0 THEN 'accrued' ELSE 'reversed' END
        WHEN s.other = 'exp:bad_debt' THEN 'written_off'
        WHEN s.other = 'exp:payout_fee' THEN 'fee'
        ELSE CASE WHEN s.minor < 0 THEN 'paid' ELSE 'returned' END
    END AS sort
FROM ledger_transaction t JOIN ledger_posting p USING (transaction_id)
CROSS JOIN LATERAL (VALUES (p.credit, p.debit, p.amount_minor), (p.debit, p.credit, -p.amount_minor))
    AS s (account, other, minor)
WHERE p.affiliate_id <> ''
    AND s.account IN ('liab:affiliate:pending', 'liab:affiliate:payable', 'liab:affiliate:reserved',
        'asset:affiliate:clawback')
    AND s.other NOT IN ('liab:affiliate:pending', 'liab:affiliate:payable', 'liab:affiliate:reserved',
        'asset:affiliate:clawback');

-- The statement of a month, as before: what the last closed month before it left, and the movements since.
CREATE OR REPLACE FUNCTION period_activity(first date) RETURNS TABLE (
    affiliate_id text, currency text, opening_minor bigint, accrued_minor bigint, reversed_minor bigint,
    paid_minor bigint, other_minor bigint, closing_minor bigint
) LANGUAGE sql STABLE AS $$
    WITH base AS (
        SELECT max(month) AS month FROM accounting_period WHERE month < first
    ), side AS (
        SELECT m.affiliate_id, m.currency, m.minor,
            CASE WHEN m.recorded_at >= first::timestamp AT TIME ZONE 'UTC' THEN m.sort END AS sort
        FROM affiliate_movement m
        WHERE m.recorded_at < (first + interval '1 month')::timestamp AT TIME ZONE 'UTC'
            AND m.recorded_at >= COALESCE(
                (SELECT (month + interval '1 month')::timestamp AT TIME ZONE 'UTC' FROM base), '-infinity')
        UNION ALL
        SELECT s.affiliate_id, s.currency, s.closing_minor, NULL
        FROM period_statement s JOIN base USING (month) WHERE s.closing_minor <> 0
    )
    SELECT affiliate_id, currency,
        COALESCE(sum(minor) FILTER (WHERE sort IS NULL), 0)::bigint,
        COALESCE(sum(minor) FILTER (WHERE sort = 'accrued'), 0)::bigint,
        COALESCE(-sum(minor) FILTER (WHERE sort = 'reversed'), 0)::bigint,
        COALESCE(-sum(minor) FILTER (WHERE sort IN ('paid', 'returned')), 0)::bigint,
        COALESCE(sum(minor) FILTER (WHERE sort IN ('written_off', 'fee')), 0)::bigint,
        sum(minor)::bigint
    FROM side GROUP BY affiliate_id, currency
$$;

-- An affiliate reads its own statements: neither the ledger nor everybody's months are walked for it.
CREATE INDEX ledger_posting_by_affiliate ON ledger_posting (affiliate_id) WHERE affiliate_id <> '';
CREATE INDEX period_statement_by_affiliate ON period_statement (affiliate_id);

-- What was given back is looked for as what was taken back is.
DROP INDEX commission_event_taken;
CREATE INDEX commission_event_amount ON commission_event (at) WHERE amount_minor <> 0;
