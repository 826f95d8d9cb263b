-- What a case is about: conversions suspected of its kind, and all on the days on which its affiliate was.
CREATE VIEW fraud_case_conversion AS
SELECT c.fraud_case_id, f.conversion_id, f.day
FROM fraud_case c JOIN fraud_conversion f USING (affiliate_id)
WHERE f.verdict <> 'clear' AND f.kind = c.kind OR c.verdict <> 'clear' AND f.day BETWEEN c.first_day AND c.last_day;

-- The evidence of a case compares an affiliate's orders with its programme's.
CREATE INDEX conversion_by_affiliate ON conversion (affiliate_id, occurred_at);

-- What a decision found before it, so that it can be undone, with all that were made together.
ALTER TABLE fraud_decision
    ADD COLUMN batch_id       uuid,                      -- NULL: made before there was an undo
    ADD COLUMN allowance_days integer NOT NULL DEFAULT 60 CHECK (allowance_days BETWEEN 0 AND 365),
    ADD COLUMN prior          jsonb,                     -- the row of the case
    ADD COLUMN undone_at      timestamptz,
    ADD COLUMN undone_by      text;
CREATE INDEX fraud_decision_by_batch ON fraud_decision (batch_id);
CREATE INDEX fraud_decision_by_case ON fraud_decision (fraud_case_id);
CREATE TABLE fraud_decision_effect (
    fraud_decision_id bigint  NOT NULL REFERENCES fraud_decision,
    conversion_id     uuid    NOT NULL,
    verdict           text    NOT NULL,                  -- before it
    decided           boolean NOT NULL,
    PRIMARY KEY (fraud_decision_id, conversion_id)
);
-- Commissions that decisions let go, which wait until the undo is over.
CREATE TABLE fraud_decision_release (
    batch_id      uuid        NOT NULL,
    commission_id uuid        NOT NULL,
    hold_until    timestamptz NOT NULL,                  -- before it
    PRIMARY KEY (batch_id, commission_id)
);

-- Who looked at whom, and when last.
CREATE TABLE fraud_case_view (
    fraud_case_id bigint      NOT NULL REFERENCES fraud_case,
    actor         text        NOT NULL,
    first_at      timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    PRIMARY KEY (fraud_case_id, actor)
);

-- What affiliates say against a hold or a rejection, and what the desk answered.
CREATE TABLE appeal (
    appeal_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    affiliate_id  text        NOT NULL REFERENCES affiliate,
    commission_id uuid,                                  -- NULL: about the affiliate as a whole, or an event
    event_id      text,                                  -- a reported conversion that was not taken in
    text          text        NOT NULL,
    status        text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'accepted', 'rejected')),
    answer        text,
    answered_by   text,
    answered_at   timestamptz,
    batch_id      uuid,                                  -- of the decisions that its acceptance made
    created_at    timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,                  -- an open one is late after it; nothing else happens then
    CHECK (commission_id IS NULL OR event_id IS NULL),
    CHECK ((status = 'open') = (answered_at IS NULL))
);
CREATE UNIQUE INDEX appeal_one_open ON appeal (affiliate_id, COALESCE(commission_id::text, event_id, ''))
    WHERE status = 'open';
CREATE INDEX appeal_by_affiliate ON appeal (affiliate_id, appeal_id);
