CREATE TABLE program (
    program_id               text        PRIMARY KEY,
    name                     text        NOT NULL,
    currency                 text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    usd_rate                 text,                       -- decimal, as given: one unit of the currency in US dollars
    commission_basis_points  integer     NOT NULL CHECK (commission_basis_points BETWEEN 0 AND 10000),
    hold_days                integer     NOT NULL DEFAULT 0 CHECK (hold_days >= 0),
    attribution_window_days  integer     NOT NULL DEFAULT 30 CHECK (attribution_window_days > 0),
    minimum_payout_minor     bigint      NOT NULL DEFAULT 1000 CHECK (minimum_payout_minor > 0),
    auto_approve_limit_minor bigint      NOT NULL DEFAULT 100000 CHECK (auto_approve_limit_minor >= 0),
    main_markets             text[]      NOT NULL DEFAULT '{}',
    auto_registered          boolean     NOT NULL DEFAULT false,
    registered_at            timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE affiliate (
    affiliate_id     text        PRIMARY KEY,
    name             text        NOT NULL,
    email            text,
    country          text,
    status           text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'blocked')),
    fraud_verdict    text        NOT NULL DEFAULT 'clear' CHECK (fraud_verdict IN ('clear', 'review', 'hold')),
    payout_provider  text        NOT NULL DEFAULT 'stripe' CHECK (payout_provider IN ('stripe', 'circle', 'manual')),
    provider_account text,                               -- acct_… of the affiliate; NULL: no payout method yet
    auto_registered  boolean     NOT NULL DEFAULT false,
    joined_at        timestamptz NOT NULL DEFAULT now()
);

-- One row per distinct event that was taken in. kind: 1 click, 2 conversion, 3 refund, 4 chargeback.
CREATE TABLE event (
    event_key     uuid        PRIMARY KEY,               -- hash of event_id
    event_id      text        NOT NULL,
    kind          smallint    NOT NULL CHECK (kind BETWEEN 1 AND 4),
    parked        boolean     NOT NULL,                  -- how it entered; a parked one is settled when parked_event loses it
    affiliate_id  text        NOT NULL,
    content_hash  uuid        NOT NULL,                  -- same id, other hash: an incident, not a duplicate
    topic_partition integer   NOT NULL,
    record_offset bigint      NOT NULL,
    occurred_at   timestamptz NOT NULL
) WITH (autovacuum_analyze_scale_factor = 0.02);

-- One row per record of conversions.raw that became neither an event nor a dead letter.
CREATE TABLE intake_exception (
    topic_partition integer     NOT NULL,
    record_offset   bigint      NOT NULL,
    outcome         text        NOT NULL CHECK (outcome IN ('duplicate', 'rejected')),
    code            integer     NOT NULL,                -- reason code, see Domain/ReasonCode
    event_id        text,
    affiliate_id    text,
    duplicate_of    text,                                -- the event id that was first
    measured        text        NOT NULL DEFAULT '',     -- the value that was wrong, shortened
    conflicting     boolean     NOT NULL DEFAULT false,  -- same event id with other content
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic_partition, record_offset)
);

CREATE TABLE click (
    click_key    uuid        PRIMARY KEY,                -- hash of (program_id, click_id)
    click_id     text        NOT NULL,
    program_id   text        NOT NULL,
    affiliate_id text        NOT NULL,
    occurred_at  timestamptz NOT NULL,
    sub_id       text,
    ip           text,
    device_id    text,
    country      text
) WITH (autovacuum_analyze_scale_factor = 0.02);

CREATE TABLE conversion (
    conversion_id uuid        PRIMARY KEY,               -- hash of (program_id, order_id); without an order, of event_id
    event_key     uuid        NOT NULL,
    order_id      text,
    program_id    text        NOT NULL,
    affiliate_id  text        NOT NULL,
    click_key     uuid,
    click_at      timestamptz,
    amount_minor  bigint      NOT NULL CHECK (amount_minor >= 0),
    currency      text        NOT NULL,
    quantity      integer     NOT NULL CHECK (quantity > 0),
    signal_codes  integer[]   NOT NULL,                  -- click_missing, click_contradicts, …: recorded, not judged here
    is_test       boolean     NOT NULL,
    customer_id   text,
    coupon        text,
    sub_id        text,
    ip            text,
    device_id     text,
    country       text,
    occurred_at   timestamptz NOT NULL
) WITH (autovacuum_analyze_scale_factor = 0.02);

CREATE TABLE commission (
    conversion_id   uuid        PRIMARY KEY,
    affiliate_id    text        NOT NULL,
    program_id      text        NOT NULL,
    currency        text        NOT NULL,
    basis_points    integer     NOT NULL,
    base_minor      bigint      NOT NULL CHECK (base_minor >= 0),
    amount_minor    bigint      NOT NULL CHECK (amount_minor >= 0),
    reversed_minor  bigint      NOT NULL DEFAULT 0 CHECK (reversed_minor BETWEEN 0 AND amount_minor),
    status          text        NOT NULL CHECK (status IN ('pending', 'held', 'approved', 'locked', 'paid', 'reversed')),
    hold_until      timestamptz NOT NULL,
    payout_id       uuid,
    transaction_id  uuid        NOT NULL,                -- the ledger transaction that recorded it
    recorded_at     timestamptz NOT NULL
) WITH (fillfactor = 80, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX commission_due ON commission (hold_until) WHERE status = 'pending';
CREATE INDEX commission_payable ON commission (affiliate_id, currency) WHERE status = 'approved';

CREATE TABLE refund (
    refund_key     uuid        PRIMARY KEY,              -- hash of (program_id, order_id, refund_id)
    conversion_id  uuid        NOT NULL,
    event_key      uuid        NOT NULL,
    kind           smallint    NOT NULL CHECK (kind IN (3, 4)),
    amount_minor   bigint      NOT NULL CHECK (amount_minor >= 0),
    currency       text        NOT NULL,
    reversed_minor bigint      NOT NULL CHECK (reversed_minor >= 0),
    occurred_at    timestamptz NOT NULL
);
CREATE INDEX refund_by_conversion ON refund (conversion_id);

-- Refunds that came before their order.
CREATE TABLE parked_event (
    event_key       uuid        PRIMARY KEY,
    conversion_id   uuid        NOT NULL,                -- what it waits for
    topic_partition integer     NOT NULL,
    record_offset   bigint      NOT NULL,
    payload         bytea       NOT NULL,
    parked_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX parked_event_waiting ON parked_event (conversion_id);

CREATE TABLE affiliate_day (
    affiliate_id     text   NOT NULL,
    program_id       text   NOT NULL,
    day              date   NOT NULL,                    -- UTC day of occurred_at
    currency         text   NOT NULL,
    clicks           bigint NOT NULL DEFAULT 0,
    conversions      bigint NOT NULL DEFAULT 0,
    refunds          bigint NOT NULL DEFAULT 0,
    revenue_minor    bigint NOT NULL DEFAULT 0,
    refunded_minor   bigint NOT NULL DEFAULT 0,
    commission_minor bigint NOT NULL DEFAULT 0,          -- recorded minus reversed
    PRIMARY KEY (affiliate_id, program_id, day, currency)
) WITH (fillfactor = 80, autovacuum_analyze_scale_factor = 0.05);

-- Totals per affiliate, programme and currency, and the score computed from them.
CREATE TABLE affiliate_score (
    affiliate_id   text        NOT NULL,
    program_id     text        NOT NULL,
    currency       text        NOT NULL,
    clicks         bigint      NOT NULL DEFAULT 0,
    conversions    bigint      NOT NULL DEFAULT 0,
    refunds        bigint      NOT NULL DEFAULT 0,
    revenue_minor  bigint      NOT NULL DEFAULT 0,
    refunded_minor bigint      NOT NULL DEFAULT 0,
    score_tenths   integer     NOT NULL DEFAULT 0,       -- 0 … 1000
    components     integer[]   NOT NULL DEFAULT '{}',    -- contributions in tenths: Domain/AffiliateScore gives the order
    model_version  integer     NOT NULL DEFAULT 1,
    last_event_at  timestamptz NOT NULL,
    PRIMARY KEY (affiliate_id, program_id, currency)
) WITH (fillfactor = 70, autovacuum_analyze_scale_factor = 0.05);
