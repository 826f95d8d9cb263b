CREATE TABLE fraud_ip_hour (
    ip          text        NOT NULL,
    hour        timestamptz NOT NULL,                    -- hour of the conversion's occurred_at
    conversions integer     NOT NULL,
    PRIMARY KEY (ip, hour)
);

CREATE TABLE fraud_conversion (
    conversion_id uuid        PRIMARY KEY,
    affiliate_id  text        NOT NULL,
    verdict       text        NOT NULL CHECK (verdict IN ('clear', 'review', 'hold')),
    codes         integer[]   NOT NULL,
    judged_at     timestamptz NOT NULL
);

CREATE TABLE fraud_flag (
    fraud_flag_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    affiliate_id  text        NOT NULL,
    code          integer     NOT NULL,
    occurrences   bigint      NOT NULL DEFAULT 1,
    measured      text        NOT NULL,
    status        text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'confirmed', 'dismissed')),
    decided_by    text,
    decided_at    timestamptz,
    reason        text,
    opened_at     timestamptz NOT NULL DEFAULT now(),
    last_seen_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX fraud_flag_one_open ON fraud_flag (affiliate_id, code) WHERE status = 'open';

-- Why the provider account took no money the last time; cleared when the affiliate enters new details.
ALTER TABLE affiliate ADD COLUMN payout_block text;

CREATE TABLE payout (
    payout_id    uuid        PRIMARY KEY,                -- hash of batch_key, affiliate and currency
    batch_key    text        NOT NULL,
    affiliate_id text        NOT NULL REFERENCES affiliate,
    currency     text        NOT NULL,
    amount_minor bigint      NOT NULL CHECK (amount_minor > 0),
    provider     text        NOT NULL,
    destination  text        NOT NULL,                   -- snapshot: a later change of method does not touch this payout
    mode         text        NOT NULL CHECK (mode IN ('automatic', 'manual')),
    state        text        NOT NULL CHECK (state IN (
        'awaiting_approval', 'rejected', 'reserved', 'submitting', 'unknown', 'manual', 'declined', 'submitted',
        'in_transit', 'paid', 'final', 'failed', 'returned', 'canceled')),
    decision     jsonb       NOT NULL,                   -- every limit with its value
    failure_code text,
    arrival_at   timestamptz,
    check_at     timestamptz,                            -- when the provider is asked next; NULL: nothing to ask
    submitted_by text        NOT NULL,
    approved_by  text,
    approved_at  timestamptz,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    UNIQUE (batch_key, affiliate_id, currency),
    CHECK (approved_by IS NULL OR approved_by <> submitted_by)
) WITH (fillfactor = 70);
CREATE INDEX payout_by_affiliate ON payout (affiliate_id, created_at);
CREATE INDEX payout_open ON payout (state, updated_at)
    WHERE state NOT IN ('rejected', 'final', 'failed', 'returned', 'canceled');

CREATE INDEX payout_due_check ON payout (check_at) WHERE check_at IS NOT NULL;
-- What a payout settles: a failed or returned one gives its commissions back.
CREATE INDEX commission_by_payout ON commission (payout_id) WHERE payout_id IS NOT NULL;

-- A planning of the calendar: once for each of its periods.
CREATE TABLE payout_run (
    batch_key   text        PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz
);

CREATE TABLE payout_event (
    payout_event_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payout_id       uuid        NOT NULL REFERENCES payout,
    from_state      text,
    to_state        text        NOT NULL,
    actor           text        NOT NULL,                -- planner, payer, webhook, poll, or a console user
    evidence        text        NOT NULL,
    at              timestamptz NOT NULL
);
CREATE INDEX payout_event_by_payout ON payout_event (payout_id);

CREATE TABLE payout_attempt (
    payout_attempt_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payout_id           uuid        NOT NULL REFERENCES payout,
    operation           text        NOT NULL CHECK (operation IN ('transfer', 'payout')),
    attempt_number      integer     NOT NULL,
    provider            text        NOT NULL,
    account             text        NOT NULL,
    idempotency_key     text        NOT NULL UNIQUE,
    request_path        text        NOT NULL,
    request_body        bytea       NOT NULL,            -- the exact bytes; a retry sends these and no others
    amount_minor        bigint      NOT NULL CHECK (amount_minor > 0),
    currency            text        NOT NULL,
    state               text        NOT NULL CHECK (state IN ('prepared', 'sending', 'unknown', 'accepted', 'declined')),
    provider_object_id  text        UNIQUE,
    provider_request_id text,
    send_count          integer     NOT NULL DEFAULT 0,
    first_sent_at       timestamptz,
    last_sent_at        timestamptz,
    next_send_at        timestamptz,
    key_expires_at      timestamptz,
    http_status         integer,
    error_code          text,
    owner_epoch         bigint      NOT NULL DEFAULT 0,
    created_at          timestamptz NOT NULL,
    UNIQUE (payout_id, operation, attempt_number)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX payout_attempt_one_live ON payout_attempt (payout_id, operation) WHERE state <> 'declined';
CREATE INDEX payout_attempt_due ON payout_attempt (next_send_at) WHERE state IN ('prepared', 'sending', 'unknown');

CREATE TABLE webhook_inbox (
    provider    text        NOT NULL,
    event_id    text        NOT NULL,
    account     text        NOT NULL DEFAULT '',
    kind        text        NOT NULL,
    object_id   text        NOT NULL,
    body        bytea       NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    try_at      timestamptz,                             -- its object could not be fetched: not before
    applied_at  timestamptz,
    result      text,
    PRIMARY KEY (provider, event_id)
);
CREATE INDEX webhook_inbox_waiting ON webhook_inbox (received_at) WHERE applied_at IS NULL;

CREATE TABLE reconciliation_break (
    break_id    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text        NOT NULL,
    payout_id   uuid,
    object_id   text        NOT NULL DEFAULT '',
    detail      text        NOT NULL,
    first_seen  timestamptz NOT NULL DEFAULT now(),
    last_seen   timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    resolver    text
);
CREATE UNIQUE INDEX reconciliation_break_one_open ON reconciliation_break (kind, object_id, COALESCE(payout_id, '00000000-0000-0000-0000-000000000000'::uuid))
    WHERE resolved_at IS NULL;
