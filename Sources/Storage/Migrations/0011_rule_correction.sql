-- A version that a correction brought counts for orders of one time only, in the place of those before it, and is known
-- from its rules_version on: what was priced before keeps its price.
ALTER TABLE rule_version
    ADD COLUMN corrects_from  timestamptz,
    ADD COLUMN corrects_until timestamptz,               -- exclusive
    ADD CHECK ((corrects_from IS NULL) = (corrects_until IS NULL)),
    ADD CHECK (corrects_from < corrects_until AND valid_from >= corrects_from AND valid_until <= corrects_until);

-- A what-if that an admin accepted: what was seen, by whom, and why.
CREATE TABLE rule_correction (
    rule_correction_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    program_id         text        NOT NULL REFERENCES program,
    rules_version      integer     NOT NULL,             -- the programme's, which brought the versions that price
    digest             uuid        NOT NULL,             -- of what the dry run said
    from_moment        timestamptz NOT NULL,             -- orders from then on
    until_moment       timestamptz NOT NULL,             -- exclusive
    orders             integer     NOT NULL,
    reason             text        NOT NULL,
    accepted_by        text        NOT NULL,
    accepted_at        timestamptz NOT NULL,
    UNIQUE (program_id, rules_version),
    UNIQUE (program_id, digest),
    CHECK (from_moment < until_moment)
);
CREATE TRIGGER rule_correction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rule_correction
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Its orders, with what caps had left for them, so that they may be corrected in many transactions.
CREATE TABLE rule_correction_order (
    rule_correction_id    bigint  NOT NULL REFERENCES rule_correction,
    conversion_id         uuid    NOT NULL,
    commission_id         uuid    NOT NULL,              -- the first commission that is to be superseded
    referrer_id           text,
    cap_left_minor        bigint,                        -- NULL: no cap applied
    second_cap_left_minor bigint,
    before_minor          bigint  NOT NULL,
    after_minor           bigint  NOT NULL,
    outcome               text    CHECK (outcome IN ('corrected', 'overtaken')),   -- NULL: it waits
    PRIMARY KEY (rule_correction_id, conversion_id)
) WITH (fillfactor = 80);
CREATE INDEX rule_correction_order_waiting ON rule_correction_order (rule_correction_id, conversion_id)
    WHERE outcome IS NULL;

ALTER TABLE conversion_correction
    ADD COLUMN rule_correction_id bigint REFERENCES rule_correction,
    ADD CHECK ((kind = 'replay') = (rule_correction_id IS NOT NULL));

-- Columns are read by their place: see Storage/RecordedPriceStore.
CREATE OR REPLACE VIEW recorded_price AS
SELECT m.commission_id, m.conversion_id, m.tier::integer AS tier, m.affiliate_id, m.program_id, m.rules_version, m.rule_id,
    m.rule_version, m.base_minor, m.uncapped_minor, m.cap_left_minor, m.amount_minor, a.referred_by,
    m.currency AS commission_currency,
    CASE m.tier WHEN 1 THEN m.affiliate_id ELSE COALESCE((
        SELECT f.affiliate_id FROM commission f
        WHERE (f.commission_id = m.conversion_id OR f.conversion_id = m.conversion_id AND f.commission_id <> f.conversion_id)
            AND f.tier = 1 AND f.recorded_at = m.recorded_at
        ORDER BY f.superseded <> m.superseded LIMIT 1), c.affiliate_id) END AS brought_by,
    m.group_id, c.country, c.coupon, c.sub_id, c.is_new_customer, c.items, c.quantity, c.currency, c.amount_minor AS order_minor,
    c.occurred_at, COALESCE(m.customer_since, CASE WHEN c.customer_id IS NULL THEN NULL ELSE c.occurred_at END) AS customer_since,
    q.fx_quote_id, q.mantissa, q.scale::integer AS scale, q.quoted_at, m.volume_minor,
    m.recorded_at, m.superseded, e.topic_partition, e.record_offset,
    -- When the order was first priced: corrections leave the order in which orders came as it is.
    o.recorded_at AS first_recorded_at
FROM commission m
JOIN conversion c USING (conversion_id)
JOIN commission o ON o.commission_id = m.conversion_id
LEFT JOIN affiliate a ON a.affiliate_id = m.affiliate_id
LEFT JOIN fx_quote q ON q.fx_quote_id = m.fx_quote_id
LEFT JOIN event e ON e.event_key = c.event_key AND e.occurred_at = c.occurred_at;

-- Commission that was taken back or given back in another period than it was recorded in, and commission that a
-- correction recorded in another period than its order's first.
CREATE OR REPLACE VIEW period_correction AS
SELECT date_trunc('month', e.at AT TIME ZONE 'UTC')::date AS month,
    date_trunc('month', m.recorded_at AT TIME ZONE 'UTC')::date AS concerns,
    m.affiliate_id, m.currency, m.commission_id, e.amount_minor, e.reason, e.transaction_id, e.at
FROM commission_event e JOIN commission m USING (commission_id)
WHERE e.amount_minor <> 0
    AND date_trunc('month', e.at AT TIME ZONE 'UTC') <> date_trunc('month', m.recorded_at AT TIME ZONE 'UTC')
UNION ALL
SELECT date_trunc('month', m.recorded_at AT TIME ZONE 'UTC')::date,
    date_trunc('month', o.recorded_at AT TIME ZONE 'UTC')::date,
    m.affiliate_id, m.currency, m.commission_id, -m.amount_minor, COALESCE(r.reason, 'late click'), m.transaction_id,
    m.recorded_at
FROM conversion_correction k
JOIN commission o ON o.commission_id = k.conversion_id
JOIN commission m ON m.conversion_id = k.conversion_id AND m.commission_id <> m.conversion_id
    AND m.recorded_at = k.recorded_at
LEFT JOIN rule_correction r USING (rule_correction_id)
WHERE m.amount_minor > 0
    AND date_trunc('month', m.recorded_at AT TIME ZONE 'UTC') <> date_trunc('month', o.recorded_at AT TIME ZONE 'UTC');
