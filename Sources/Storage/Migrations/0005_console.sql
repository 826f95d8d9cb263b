CREATE TABLE console_user (
    user_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text        NOT NULL UNIQUE,
    name          text        NOT NULL,
    password_hash text        NOT NULL,                  -- scrypt$N$r$p$salt$hash
    role          text        NOT NULL CHECK (role IN ('owner', 'manager', 'finance', 'fraud', 'viewer', 'affiliate')),
    affiliate_id  text        REFERENCES affiliate,      -- the affiliate that an 'affiliate' user is
    disabled      boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CHECK ((role = 'affiliate') = (affiliate_id IS NOT NULL))
);

CREATE TABLE console_session (
    token_hash bytea       PRIMARY KEY,                  -- SHA-256 of the cookie: a leaked table opens no session
    user_id    bigint      NOT NULL REFERENCES console_user,
    csrf_token text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE TABLE login_failure (
    email      text        NOT NULL,
    address    text        NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_failure_recent ON login_failure (email, at);

CREATE TABLE api_key (
    key_hash   bytea       PRIMARY KEY,
    name       text        NOT NULL,
    scopes     text[]      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- The answer given to a write, so that the same key gets the same answer.
CREATE TABLE idempotent_answer (
    actor        text        NOT NULL,
    key          text        NOT NULL,
    route        text        NOT NULL,
    request_hash uuid        NOT NULL,
    status       integer     NOT NULL,
    body         bytea       NOT NULL,
    answered_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);

-- Hash-chained: each row's hash covers the row before it.
CREATE TABLE audit_log (
    audit_id      bigint      PRIMARY KEY,
    at            timestamptz NOT NULL,
    actor         text        NOT NULL,
    action        text        NOT NULL,
    subject       text        NOT NULL,
    detail        jsonb       NOT NULL,
    previous_hash bytea       NOT NULL,
    hash          bytea       NOT NULL
);
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE notification (
    notification_id uuid        PRIMARY KEY,             -- hash of (source message, kind, audience): once per event and channel
    audience        text        NOT NULL CHECK (audience IN ('admin', 'affiliate')),
    affiliate_id    text,
    kind            text        NOT NULL,
    title           text        NOT NULL,
    body            text        NOT NULL,
    link            text        NOT NULL,
    created_at      timestamptz NOT NULL,
    read_at         timestamptz
);
CREATE INDEX notification_unread ON notification (audience, created_at) WHERE read_at IS NULL;
