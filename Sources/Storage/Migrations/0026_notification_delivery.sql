-- What happened, without whom it is told, and in figures for programs.
ALTER TABLE notification
    ADD COLUMN event_id uuid,
    ADD COLUMN data     jsonb NOT NULL DEFAULT '{}';
UPDATE notification SET event_id = notification_id;
ALTER TABLE notification ALTER COLUMN event_id SET NOT NULL;
CREATE INDEX notification_by_age ON notification (created_at);
DROP INDEX notification_unread;
CREATE INDEX notification_unread ON notification (audience, affiliate_id, created_at) WHERE read_at IS NULL;

-- What a person does not want by e-mail; the inbox has it all the same.
CREATE TABLE notification_mute (
    user_id bigint NOT NULL REFERENCES console_user,
    kind    text   NOT NULL,
    PRIMARY KEY (user_id, kind)
);

CREATE TABLE webhook_endpoint (
    webhook_endpoint_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url                  text        NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    kinds                text[]      NOT NULL,           -- none: all of them
    secret               bytea       NOT NULL CHECK (octet_length(secret) >= 24),   -- signs; told once, at the start
    created_by           text        NOT NULL,
    created_at           timestamptz NOT NULL,
    failures_in_a_row    integer     NOT NULL DEFAULT 0,
    disabled_at          timestamptz,
    disabled_reason      text,
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);

-- One piece of news on its way to one recipient, once per round; a replay is a round of its own.
CREATE TABLE notification_delivery (
    notification_delivery_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel                  text        NOT NULL CHECK (channel IN ('email', 'webhook')),
    recipient_id             bigint      NOT NULL,       -- a console user, or a webhook endpoint
    event_id                 uuid        NOT NULL,
    notification_id          uuid        NOT NULL REFERENCES notification,
    round                    integer     NOT NULL DEFAULT 0,
    state                    text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts                 integer     NOT NULL DEFAULT 0,
    next_attempt_at          timestamptz,                -- while one is under way, when it is given up for dead
    created_at               timestamptz NOT NULL,
    UNIQUE (channel, recipient_id, event_id, round),
    CHECK ((state = 'waiting') = (next_attempt_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX notification_delivery_due ON notification_delivery (next_attempt_at) WHERE state = 'waiting';

-- The delivery log.
CREATE TABLE notification_attempt (
    notification_delivery_id bigint      NOT NULL REFERENCES notification_delivery,
    attempt_number           integer     NOT NULL,
    at                       timestamptz NOT NULL,
    status                   integer,                    -- of HTTP or SMTP; NULL: no answer
    error                    text,                       -- NULL: delivered
    PRIMARY KEY (notification_delivery_id, attempt_number)
);

-- How far a source of news was read: an id, microseconds, or days since 1970.
CREATE TABLE news_position (
    source   text   PRIMARY KEY,
    position bigint NOT NULL
);
-- What happened before is no news.
INSERT INTO news_position (source, position)
SELECT 'payout_event', COALESCE(max(payout_event_id), 0) FROM payout_event
UNION ALL SELECT 'accounting_period', (extract(epoch FROM now()) * 1000000)::bigint
UNION ALL SELECT 'commission_day', (now() AT TIME ZONE 'UTC')::date - '1970-01-01'::date - 1
UNION ALL SELECT 'week', (date_trunc('week', now() AT TIME ZONE 'UTC'))::date - '1970-01-01'::date;
CREATE INDEX payout_event_sent ON payout_event (payout_event_id) WHERE to_state = 'submitted';
CREATE INDEX commission_event_taken ON commission_event (at) WHERE amount_minor > 0;
