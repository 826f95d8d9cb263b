-- What a programme pays is said by its rules; what it pays in, and for whom an order counts, by its terms.
ALTER TABLE program
    ADD COLUMN coupon_beats_click boolean NOT NULL DEFAULT false,
    ADD COLUMN pays_in            text    NOT NULL DEFAULT 'order' CHECK (pays_in IN ('order', 'program')),
    ADD COLUMN rules_version      integer NOT NULL DEFAULT 1;          -- rises with every change of the rules

ALTER TABLE affiliate
    ADD COLUMN group_id    text,
    ADD COLUMN referred_by text REFERENCES affiliate CHECK (referred_by <> affiliate_id);

CREATE TABLE coupon (
    program_id   text        NOT NULL REFERENCES program,
    code         text        NOT NULL,
    affiliate_id text        NOT NULL REFERENCES affiliate,
    valid_from   timestamptz,                            -- NULL: always
    valid_until  timestamptz,                            -- exclusive; NULL: for ever
    PRIMARY KEY (program_id, code)
);

-- A version of a rule never changes; a later version of the same rule supersedes it from its own valid_from on.
CREATE TABLE rule_version (
    program_id    text        NOT NULL REFERENCES program,
    rule_id       text        NOT NULL,
    version       integer     NOT NULL CHECK (version > 0),
    rules_version integer     NOT NULL,                  -- the programme's rules_version that brought it
    valid_from    timestamptz NOT NULL,
    valid_until   timestamptz,                           -- exclusive; NULL: until a later version
    priority      integer     NOT NULL,                  -- the greater goes first
    definition    jsonb       NOT NULL,                  -- conditions, action, caps: see Events/RuleDefinition
    created_by    text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (program_id, rule_id, version),
    CHECK (valid_until IS NULL OR valid_until >= valid_from)   -- equal: the version ends the rule
);
CREATE TRIGGER rule_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rule_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

INSERT INTO rule_version (program_id, rule_id, version, rules_version, valid_from, priority, definition, created_by)
SELECT program_id, 'standard', 1, 1, '1970-01-01Z', 0,
    jsonb_build_object('action', jsonb_build_object('percent', commission_basis_points)), 'migration'
FROM program;
ALTER TABLE program DROP COLUMN commission_basis_points;

-- One unit of base is mantissa / 10^scale units of quote. Quotes are never edited: a better one is a later one.
CREATE TABLE fx_quote (
    fx_quote_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base        text        NOT NULL CHECK (base ~ '^[A-Z]{3}$'),
    quote       text        NOT NULL CHECK (quote ~ '^[A-Z]{3}$'),
    mantissa    bigint      NOT NULL CHECK (mantissa BETWEEN 1 AND 1000000000000),
    scale       smallint    NOT NULL CHECK (scale BETWEEN 0 AND 12),
    quoted_at   timestamptz NOT NULL,                    -- when the source said so
    source      text        NOT NULL,
    recorded_by text        NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (base, quote, quoted_at),
    CHECK (base <> quote)
);
CREATE TRIGGER fx_quote_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fx_quote
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What rules with a cap have used. Pricing locks the rows of its batch, so parallel workers never exceed a cap.
CREATE TABLE cap_usage (
    program_id   text   NOT NULL,
    rule_id      text   NOT NULL,
    affiliate_id text   NOT NULL,                        -- '' where the whole programme shares the cap
    period       text   NOT NULL CHECK (period IN ('day', 'week', 'month', 'total')),
    starts_on    date   NOT NULL,                        -- UTC; 1970-01-01 for 'total'
    currency     text   NOT NULL,
    used_minor   bigint NOT NULL CHECK (used_minor >= 0),
    PRIMARY KEY (program_id, rule_id, affiliate_id, period, starts_on, currency)
) WITH (fillfactor = 50);

-- Order amounts of an affiliate's approved commissions by the UTC month of the order: what tiers look at.
CREATE TABLE approved_volume (
    program_id   text   NOT NULL,
    affiliate_id text   NOT NULL,
    currency     text   NOT NULL,
    month        date   NOT NULL,
    volume_minor bigint NOT NULL CHECK (volume_minor >= 0),
    PRIMARY KEY (program_id, affiliate_id, currency, month)
) WITH (fillfactor = 70);

-- A customer's first order in a programme that has recurring rules.
CREATE TABLE customer (
    customer_key uuid        PRIMARY KEY,                -- hash of (program_id, customer_id)
    first_at     timestamptz NOT NULL
);

-- Conversions that count for the affiliate they name because the click they name is not known yet. It is looked for
-- less and less often, until it is too late.
CREATE TABLE awaited_click (
    conversion_id uuid        PRIMARY KEY,
    click_key     uuid        NOT NULL,
    parked_at     timestamptz NOT NULL,
    look_at       timestamptz NOT NULL,
    until         timestamptz NOT NULL
);
CREATE INDEX awaited_click_due ON awaited_click (look_at);

-- What a parked event waits for: its order (206, conversion_id), its click (201, click_key), a quote (606).
ALTER TABLE parked_event
    ADD COLUMN code        integer     NOT NULL DEFAULT 206,
    ADD COLUMN click_key   uuid,
    ADD COLUMN occurred_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN look_at     timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN until       timestamptz NOT NULL DEFAULT now() + interval '90 days';
CREATE INDEX parked_event_due ON parked_event (look_at);

ALTER TABLE conversion
    ADD COLUMN click_id        text,
    ADD COLUMN attributed_by   text    NOT NULL DEFAULT 'affiliate' CHECK (attributed_by IN ('click', 'coupon', 'affiliate')),
    ADD COLUMN is_new_customer boolean,
    ADD COLUMN items           jsonb;                    -- as reported: [{sku, category, quantity, amount_minor}, …]

-- Whom a conversion counts for since its click came late, or since an admin said so: the conversion itself stays.
CREATE TABLE conversion_correction (
    conversion_id  uuid        NOT NULL,
    sequence       integer     NOT NULL CHECK (sequence > 0),
    kind           text        NOT NULL CHECK (kind IN ('late_click', 'replay')),
    from_affiliate text        NOT NULL,
    to_affiliate   text        NOT NULL,
    click_key      uuid,
    actor          text        NOT NULL,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (conversion_id, sequence)
);
CREATE TRIGGER conversion_correction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON conversion_correction
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A conversion's first commission has the conversion's id. Others have a hash of it: the one of the affiliate who
-- referred the first, and those that a correction brought.
ALTER TABLE commission
    ADD COLUMN commission_id  uuid,
    ADD COLUMN tier           smallint NOT NULL DEFAULT 1 CHECK (tier IN (1, 2)),
    ADD COLUMN rule_id        text,                      -- NULL: no rule was for it
    ADD COLUMN rule_version   integer,
    ADD COLUMN rules_version  integer  NOT NULL DEFAULT 1,
    ADD COLUMN uncapped_minor bigint   NOT NULL DEFAULT 0,
    ADD COLUMN cap_left_minor bigint,                    -- what the tightest cap had left; NULL: none applied
    ADD COLUMN fx_quote_id    bigint,
    ADD COLUMN volume_minor   bigint,                    -- approved volume that chose the tier
    ADD COLUMN customer_since timestamptz,
    ADD COLUMN group_id       text,                      -- the affiliate's group when it was priced
    ADD COLUMN codes          integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN superseded     boolean  NOT NULL DEFAULT false,   -- a correction put another in its place
    ALTER COLUMN basis_points DROP NOT NULL,             -- NULL: the action is no percentage
    ALTER COLUMN transaction_id DROP NOT NULL,           -- NULL: it came to nothing
    DROP CONSTRAINT commission_pkey;
UPDATE commission SET commission_id = conversion_id, rule_id = 'standard', rule_version = 1, uncapped_minor = amount_minor;
ALTER TABLE commission ADD PRIMARY KEY (commission_id);
CREATE INDEX commission_further ON commission (conversion_id) WHERE commission_id <> conversion_id;
-- The way back from a ledger transaction: both are recorded at the same moment.
CREATE INDEX commission_recorded ON commission USING brin (recorded_at);

ALTER TABLE refund ADD COLUMN transaction_id uuid;       -- NULL: it took nothing back

ALTER TABLE event DROP CONSTRAINT event_kind_check, ADD CHECK (kind BETWEEN 1 AND 5);

-- Refunds that did not happen after all, and chargebacks that were won: kind 5 of event.
CREATE TABLE refund_reversal (
    refund_key     uuid        PRIMARY KEY,
    conversion_id  uuid        NOT NULL,
    event_key      uuid        NOT NULL,
    restored_minor bigint      NOT NULL CHECK (restored_minor >= 0),
    transaction_id uuid,                                 -- NULL: it gave nothing back
    occurred_at    timestamptz NOT NULL
);

-- Every change of a commission's state after it was recorded.
CREATE TABLE commission_event (
    commission_event_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    commission_id       uuid        NOT NULL,
    from_status         text        NOT NULL,
    to_status           text        NOT NULL,            -- the same where only the amount changed
    amount_minor        bigint      NOT NULL DEFAULT 0,  -- taken back; negative: given back
    actor               text        NOT NULL,            -- a worker's group or a console user
    reason              text        NOT NULL,
    transaction_id      uuid,                            -- NULL: no money moved, or a payout's ledger says it
    at                  timestamptz NOT NULL
);
CREATE INDEX commission_event_by_commission ON commission_event (commission_id);
CREATE TRIGGER commission_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON commission_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
