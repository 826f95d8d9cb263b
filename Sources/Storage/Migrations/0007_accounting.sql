-- A transaction is recorded with its postings: later ones would change what was told. And a closed period stays as it
-- is: 40001 lets a writer whose moment fell into it try again with a later one.
CREATE TABLE accounting_period (
    month     date        PRIMARY KEY CHECK (month = date_trunc('month', month)),   -- UTC
    closed_at timestamptz NOT NULL,
    closed_by text        NOT NULL
);
CREATE TRIGGER accounting_period_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounting_period
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What an affiliate was owed at the start and at the end of a closed period, less what it owed, and why it changed.
CREATE TABLE period_statement (
    month          date   NOT NULL REFERENCES accounting_period,
    affiliate_id   text   NOT NULL,
    currency       text   NOT NULL,
    opening_minor  bigint NOT NULL,
    accrued_minor  bigint NOT NULL CHECK (accrued_minor >= 0),
    reversed_minor bigint NOT NULL CHECK (reversed_minor >= 0),
    paid_minor     bigint NOT NULL,                      -- less what came back
    other_minor    bigint NOT NULL,                      -- debts written off, fees
    closing_minor  bigint NOT NULL,
    PRIMARY KEY (month, affiliate_id, currency),
    CHECK (closing_minor = opening_minor + accrued_minor - reversed_minor - paid_minor + other_minor)
);
CREATE TRIGGER period_statement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON period_statement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Whoever records holds the lock with others, whoever closes alone: a closing waits for what was begun before it, and
-- sees it. Each statement here looks at what is committed when the lock is there.
CREATE FUNCTION refuse_closed_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('accounting period', 0));
    IF EXISTS (
        SELECT FROM accounting_period p
        WHERE p.month >= (SELECT date_trunc('month', min(recorded_at) AT TIME ZONE 'UTC') FROM added)
    ) THEN
        RAISE EXCEPTION 'the accounting period is closed' USING ERRCODE = '40001';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_transaction_period AFTER INSERT ON ledger_transaction
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_period();

CREATE FUNCTION refuse_late_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT transaction_id FROM added) a JOIN ledger_transaction t USING (transaction_id)
        WHERE t.xmin <> pg_current_xact_id()::xid
    ) THEN
        RAISE EXCEPTION 'a recorded transaction takes no further postings' USING ERRCODE = '23001';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_posting_with_transaction AFTER INSERT ON ledger_posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_posting();

-- Months are found by their moments without reading the whole ledger.
CREATE INDEX ledger_transaction_recorded ON ledger_transaction USING brin (recorded_at);

-- The statement of a month: what the last closed month before it left, and the postings since.
CREATE FUNCTION period_activity(first date) RETURNS TABLE (
    affiliate_id text, currency text, opening_minor bigint, accrued_minor bigint, reversed_minor bigint,
    paid_minor bigint, other_minor bigint, closing_minor bigint
) LANGUAGE sql STABLE AS $$
    WITH base AS (
        SELECT max(month) AS month FROM accounting_period WHERE month < first
    ), side AS (
        SELECT p.affiliate_id, p.currency, t.recorded_at >= first::timestamp AT TIME ZONE 'UTC' AS is_within,
            s.other::text AS other, s.minor
        FROM ledger_transaction t JOIN ledger_posting p USING (transaction_id)
        CROSS JOIN LATERAL (VALUES (p.credit, p.debit, p.amount_minor), (p.debit, p.credit, -p.amount_minor))
            AS s (account, other, minor)
        WHERE p.affiliate_id <> '' AND t.recorded_at < (first + interval '1 month')::timestamp AT TIME ZONE 'UTC'
            AND t.recorded_at >= COALESCE(
                (SELECT (month + interval '1 month')::timestamp AT TIME ZONE 'UTC' FROM base), '-infinity')
            AND s.account IN ('liab:affiliate:pending', 'liab:affiliate:payable', 'liab:affiliate:reserved',
                'asset:affiliate:clawback')
            AND s.other NOT IN ('liab:affiliate:pending', 'liab:affiliate:payable', 'liab:affiliate:reserved',
                'asset:affiliate:clawback')
        UNION ALL
        SELECT s.affiliate_id, s.currency, false, '', s.closing_minor
        FROM period_statement s JOIN base USING (month) WHERE s.closing_minor <> 0
    )
    SELECT affiliate_id, currency,
        COALESCE(sum(minor) FILTER (WHERE NOT is_within), 0)::bigint,
        COALESCE(sum(minor) FILTER (WHERE is_within AND other = 'exp:commission' AND minor > 0), 0)::bigint,
        COALESCE(-sum(minor) FILTER (WHERE is_within AND other = 'exp:commission' AND minor < 0), 0)::bigint,
        COALESCE(-sum(minor) FILTER (WHERE is_within AND other ~ '^asset:(bank|in_transit|provider)'), 0)::bigint,
        COALESCE(sum(minor) FILTER (
            WHERE is_within AND other !~ '^(exp:commission$|asset:(bank|in_transit|provider))'), 0)::bigint,
        sum(minor)::bigint
    FROM side GROUP BY affiliate_id, currency
$$;

-- Commission that was taken back or given back in another period than it was recorded in.
CREATE VIEW period_correction AS
SELECT date_trunc('month', e.at AT TIME ZONE 'UTC')::date AS month,
    date_trunc('month', m.recorded_at AT TIME ZONE 'UTC')::date AS concerns,
    m.affiliate_id, m.currency, m.commission_id, e.amount_minor, e.reason, e.transaction_id, e.at
FROM commission_event e JOIN commission m USING (commission_id)
WHERE e.amount_minor <> 0
    AND date_trunc('month', e.at AT TIME ZONE 'UTC') <> date_trunc('month', m.recorded_at AT TIME ZONE 'UTC');
