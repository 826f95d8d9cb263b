-- The fraud engine's events and state. Hashes are 64 bits, as int8; bytes are those of Domain/Fraud/State and of
-- Events/FraudObservation, with their version.

-- What was observed, by message and day, until the day can no longer change.
CREATE TABLE fraud_observation (
    message_id  uuid        NOT NULL,
    day         integer     NOT NULL,                    -- UTC days since 1970 of the events' occurred_at
    events      bytea       NOT NULL,
    recorded_at timestamptz NOT NULL,
    judged      boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (message_id, day)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX fraud_observation_waiting ON fraud_observation (recorded_at) WHERE NOT judged;

-- Whose hash is whose.
CREATE TABLE fraud_name (
    hash         bigint PRIMARY KEY,
    affiliate_id text   NOT NULL
);

-- From what an event names to the events before it: as of the last sealed day, forgotten by day.
CREATE TABLE fraud_link (
    kind     integer NOT NULL CHECK (kind BETWEEN 1 AND 4),   -- device, click, order, buyer
    key      bigint  NOT NULL,
    day      integer NOT NULL,
    is_buyer boolean NOT NULL,                            -- a device on which something was bought
    record   bytea   NOT NULL,
    PRIMARY KEY (kind, key)
) WITH (fillfactor = 80);
CREATE INDEX fraud_link_buyer ON fraud_link (key) WHERE is_buyer;

-- The last days of affiliates in programmes, and where each affiliate stands, as of the last sealed day.
CREATE TABLE fraud_pair (
    program   bigint NOT NULL,
    affiliate bigint NOT NULL,
    history   bytea  NOT NULL,
    PRIMARY KEY (program, affiliate)
);
CREATE TABLE fraud_standing (
    affiliate bigint PRIMARY KEY,
    standing  bytea  NOT NULL
);

-- The rest of the state, who judges, and how often was judged: a judge whose revision is outdated saves nothing.
CREATE TABLE fraud_world (
    is_only        boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    state_version  integer     NOT NULL,
    sealed_through integer,                              -- NULL: no day yet
    state          bytea       NOT NULL,
    revision       bigint      NOT NULL,
    judge          text        NOT NULL,
    judge_until    timestamptz NOT NULL
);
INSERT INTO fraud_world VALUES (true, 1, NULL, '', 0, '', '-infinity');

-- What was said of an affiliate at the end of a day.
CREATE TABLE fraud_judgement (
    affiliate_id  text             NOT NULL,
    day           date             NOT NULL,
    probability   double precision NOT NULL,
    verdict       text             NOT NULL CHECK (verdict IN ('clear', 'review', 'hold')),
    kind          text,                                   -- family of what weighs most; NULL: nothing
    code          integer,                                -- of its strongest signal
    sentence      text,
    evidence      jsonb            NOT NULL,
    features      bytea            NOT NULL,
    model_version text             NOT NULL,
    judged_at     timestamptz      NOT NULL,
    PRIMARY KEY (affiliate_id, day)
);
CREATE INDEX fraud_judgement_suspect ON fraud_judgement (affiliate_id) WHERE verdict <> 'clear';

ALTER TABLE fraud_conversion
    ADD COLUMN probability double precision,              -- NULL: judged by rules
    ADD COLUMN kind        text,                          -- family of its strongest code
    ADD COLUMN day         date,                          -- of the order
    ADD COLUMN decided     boolean NOT NULL DEFAULT false;   -- a person spoke last
CREATE INDEX fraud_conversion_by_affiliate ON fraud_conversion (affiliate_id, day);

-- Commissions that wait for a person, for when the person speaks.
CREATE INDEX commission_held ON commission (affiliate_id) WHERE status = 'held';

-- A case against an affiliate: there is one open for each kind. `withdrawn`: only an unfinished day had made it.
CREATE TABLE fraud_case (
    fraud_case_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    affiliate_id  text        NOT NULL,
    kind          text        NOT NULL,                   -- family of signals
    code          integer     NOT NULL,                   -- of the strongest signal
    verdict       text        NOT NULL CHECK (verdict IN ('clear', 'review', 'hold')),   -- against the affiliate as a whole
    probability   double precision,
    days          bigint      NOT NULL DEFAULT 0,         -- on which the affiliate was suspected
    conversions   bigint      NOT NULL DEFAULT 0,         -- that are suspected by themselves
    measured      text        NOT NULL,
    first_day     date,
    last_day      date,
    status        text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'confirmed', 'dismissed', 'withdrawn')),
    decided_by    text,
    decided_at    timestamptz,
    decided_day   date,                                   -- judged last when it was decided
    reason        text,
    opened_at     timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL
);
CREATE UNIQUE INDEX fraud_case_one_open ON fraud_case (affiliate_id, kind) WHERE status = 'open';
CREATE INDEX fraud_case_by_affiliate ON fraud_case (affiliate_id);
-- What the rules had flagged stays to be decided. Their tables go with a later release.
INSERT INTO fraud_case (affiliate_id, kind, code, verdict, conversions, measured, status, decided_by, decided_at,
    reason, opened_at, last_seen_at)
SELECT f.affiliate_id, CASE f.code WHEN 401 THEN 'identity' WHEN 402 THEN 'timing' ELSE 'network' END, f.code,
    COALESCE(a.fraud_verdict, 'review'), f.occurrences, f.measured, f.status, f.decided_by, f.decided_at, f.reason,
    f.opened_at, f.last_seen_at
FROM fraud_flag f LEFT JOIN affiliate a USING (affiliate_id) ORDER BY f.fraud_flag_id;

-- What admins decided, with what they saw: what the model learns from, and what an affiliate is allowed.
CREATE TABLE fraud_decision (
    fraud_decision_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fraud_case_id     bigint      NOT NULL REFERENCES fraud_case,
    affiliate_id      text        NOT NULL,
    day               integer     NOT NULL,               -- judged last; the decision counts from the next
    is_confirmed      boolean     NOT NULL,
    reason            text        NOT NULL,
    features          bytea,                              -- NULL: nothing was judged
    model_version     text,
    decided_by        text        NOT NULL,
    decided_at        timestamptz NOT NULL,
    sealed            boolean     NOT NULL DEFAULT false  -- part of the engine's state
);
CREATE INDEX fraud_decision_unsealed ON fraud_decision (day) WHERE NOT sealed;
