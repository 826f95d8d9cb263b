-- What a break is about, and how it was resolved: where money is meant, one says it and another one agrees.
ALTER TABLE reconciliation_break
    ADD COLUMN severity     text   NOT NULL DEFAULT 'warning' CHECK (severity IN ('notice', 'warning', 'money')),
    ADD COLUMN affiliate_id text   NOT NULL DEFAULT '',
    ADD COLUMN amount_minor bigint,
    ADD COLUMN currency     text,
    ADD COLUMN resolution   text CHECK (length(resolution) BETWEEN 1 AND 500),
    ADD COLUMN proposed_by  text,
    ADD COLUMN proposed_at  timestamptz,
    ADD CONSTRAINT reconciliation_break_two_people CHECK (severity <> 'money' OR resolved_at IS NULL
        OR resolver = 'reconciler'                       -- it is not there any more
        OR (proposed_by IS NOT NULL AND resolver IS NOT NULL AND proposed_by <> resolver)) NOT VALID;
CREATE INDEX reconciliation_break_open ON reconciliation_break (last_seen) WHERE resolved_at IS NULL;
-- What was heard of an object.
CREATE INDEX webhook_inbox_by_object ON webhook_inbox (object_id);
