-- What two people say of a payout that was paid by hand: its money came back.
ALTER TABLE payout_resolution DROP CONSTRAINT payout_resolution_verdict_check;
ALTER TABLE payout_resolution ADD CONSTRAINT payout_resolution_verdict_check
    CHECK (verdict IN ('submitted', 'declined', 'returned'));
-- Under the provider's id, or the bank's reference, of what was seen; what moved no money has none.
ALTER TABLE payout_resolution DROP CONSTRAINT payout_resolution_check2;
ALTER TABLE payout_resolution ADD CONSTRAINT payout_resolution_has_object
    CHECK ((verdict = 'declined') = (provider_object_id = ''));

CREATE OR REPLACE FUNCTION guard_payout_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken text;
BEGIN
    IF NOT payout_may_move(OLD.state, NEW.state) THEN
        RAISE EXCEPTION 'a payout may not move from % to %', OLD.state, NEW.state USING ERRCODE = '23514';
    END IF;
    broken := CASE
        WHEN OLD.state = 'awaiting_approval' AND NEW.state = 'reserved' AND NEW.approved_by IS NULL
            THEN 'nobody approved it'
        WHEN NEW.state = 'submitting' AND NOT EXISTS (
            SELECT FROM payout_attempt WHERE payout_id = NEW.payout_id AND state IN ('prepared', 'sending', 'unknown'))
            THEN 'no attempt was committed'
        WHEN NEW.state = 'submitted' AND EXISTS (SELECT FROM payout_attempt WHERE payout_id = NEW.payout_id)
            AND NOT EXISTS (
                SELECT FROM payout_attempt WHERE payout_id = NEW.payout_id AND operation = 'payout'
                    AND state = 'accepted' AND provider_object_id IS NOT NULL)
            THEN 'no provider has it'
        WHEN NEW.state = 'declined' AND EXISTS (
            SELECT FROM payout_attempt WHERE payout_id = NEW.payout_id AND state IN ('sending', 'unknown'))
            THEN 'an attempt may have moved money'
        WHEN OLD.state = 'manual' AND NEW.state = 'declined'
            AND EXISTS (SELECT FROM payout_attempt WHERE payout_id = NEW.payout_id)
            AND NOT EXISTS (
                SELECT FROM payout_resolution WHERE payout_id = NEW.payout_id AND verdict = 'declined'
                    AND confirmed_by <> proposed_by AND confirmed_at >= OLD.updated_at + interval '48 hours')
            THEN 'no two people said after 48 hours that it moved no money'
        WHEN NEW.state = 'returned' AND NEW.provider = 'manual' AND NOT EXISTS (
            SELECT FROM payout_resolution WHERE payout_id = NEW.payout_id AND verdict = 'returned'
                AND confirmed_by <> proposed_by)
            THEN 'no two people said that it came back'
        WHEN (NEW.state = 'rejected' OR (NEW.state = 'canceled' AND OLD.state IN ('awaiting_approval', 'reserved')))
            AND EXISTS (SELECT FROM payout_attempt WHERE payout_id = NEW.payout_id)
            THEN 'it was attempted'
    END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'a payout may not move from % to %: %', OLD.state, NEW.state, broken USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;

-- What people set while the fleet runs; what is not here has the value that the code names.
CREATE TABLE setting (
    name       text        PRIMARY KEY,
    value      bigint      NOT NULL,
    changed_by text        NOT NULL,
    changed_at timestamptz NOT NULL
);
-- What was changed of one thing, the newest first.
CREATE INDEX audit_log_by_subject ON audit_log (subject, audit_id);
