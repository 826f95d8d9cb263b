-- A payout that the provider is asked to take back.
ALTER TABLE payout DROP CONSTRAINT payout_state_check;
ALTER TABLE payout ADD CONSTRAINT payout_state_check CHECK (state IN (
    'awaiting_approval', 'rejected', 'reserved', 'submitting', 'unknown', 'manual', 'declined', 'submitted',
    'canceling', 'in_transit', 'paid', 'final', 'failed', 'returned', 'canceled'));

-- What is kept of a request and of its last reply beside the rest.
ALTER TABLE payout_attempt
    ADD COLUMN request_sha256 bytea,
    ADD COLUMN livemode       boolean NOT NULL DEFAULT false,
    ADD COLUMN error_type     text,
    ADD COLUMN outcome        text;                      -- what the last reply proved, in words
UPDATE payout_attempt SET request_sha256 = sha256(request_body);
ALTER TABLE payout_attempt
    ALTER COLUMN request_sha256 SET NOT NULL,
    ADD CONSTRAINT payout_attempt_request_is_whole CHECK (request_sha256 = sha256(request_body));
-- One request at a time for an account of a provider.
CREATE UNIQUE INDEX payout_attempt_one_sending ON payout_attempt (provider, account) WHERE state = 'sending';

-- What people found out about a payout whose outcome no reply proved: one says it, another one agrees.
CREATE TABLE payout_resolution (
    payout_resolution_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payout_id            uuid        NOT NULL REFERENCES payout,
    verdict              text        NOT NULL CHECK (verdict IN ('submitted', 'declined')),
    provider_object_id   text        NOT NULL DEFAULT '',  -- of a submitted one; fetched before it is believed
    evidence             text        NOT NULL CHECK (length(evidence) BETWEEN 1 AND 500),
    proposed_by          text        NOT NULL,
    proposed_at          timestamptz NOT NULL,
    confirmed_by         text,
    confirmed_at         timestamptz,
    CHECK (confirmed_by <> proposed_by),
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    CHECK ((verdict = 'submitted') = (provider_object_id <> ''))
);
CREATE UNIQUE INDEX payout_resolution_one_open ON payout_resolution (payout_id) WHERE confirmed_at IS NULL;
CREATE INDEX payout_resolution_by_payout ON payout_resolution (payout_id);

CREATE FUNCTION payout_may_move(source text, target text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (source, target) IN (
        ('awaiting_approval', 'reserved'), ('awaiting_approval', 'rejected'), ('awaiting_approval', 'canceled'),
        ('reserved', 'submitting'), ('reserved', 'manual'), ('reserved', 'canceled'),
        ('submitting', 'submitted'), ('submitting', 'declined'), ('submitting', 'unknown'),
        ('unknown', 'submitting'), ('unknown', 'submitted'), ('unknown', 'declined'), ('unknown', 'manual'),
        ('manual', 'submitting'), ('manual', 'submitted'), ('manual', 'declined'),
        ('declined', 'reserved'), ('declined', 'failed'),
        ('submitted', 'in_transit'), ('submitted', 'paid'), ('submitted', 'failed'), ('submitted', 'canceled'),
        ('submitted', 'canceling'),
        ('canceling', 'canceled'), ('canceling', 'in_transit'), ('canceling', 'paid'), ('canceling', 'failed'),
        ('in_transit', 'paid'), ('in_transit', 'failed'), ('in_transit', 'canceled'),
        ('paid', 'final'), ('paid', 'returned'), ('final', 'returned'))
$$;

-- A move that the table of states does not have, and one without what must stand behind it, is refused whoever asks.
CREATE FUNCTION guard_payout_move() RETURNS trigger LANGUAGE plpgsql AS $$
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
        WHEN (NEW.state = 'rejected' OR (NEW.state = 'canceled' AND OLD.state IN ('awaiting_approval', 'reserved')))
            AND EXISTS (SELECT FROM payout_attempt WHERE payout_id = NEW.payout_id)
            THEN 'it was attempted'
    END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'a payout may not move from % to %: %', OLD.state, NEW.state, broken USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_move BEFORE UPDATE OF state ON payout
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION guard_payout_move();

CREATE FUNCTION refuse_payout_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a % of this row in % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '23514';
END $$;
CREATE TRIGGER payout_begins BEFORE INSERT ON payout
    FOR EACH ROW WHEN (NEW.state NOT IN ('awaiting_approval', 'reserved')) EXECUTE FUNCTION refuse_payout_change();
-- What is owed, to whom and by which way, was decided when the payout was made; where it goes, when it was approved.
CREATE TRIGGER payout_facts BEFORE UPDATE ON payout FOR EACH ROW WHEN (
    (OLD.payout_id, OLD.batch_key, OLD.affiliate_id, OLD.currency, OLD.amount_minor, OLD.provider, OLD.mode,
        OLD.decision, OLD.submitted_by, OLD.created_at)
    IS DISTINCT FROM (NEW.payout_id, NEW.batch_key, NEW.affiliate_id, NEW.currency, NEW.amount_minor, NEW.provider,
        NEW.mode, NEW.decision, NEW.submitted_by, NEW.created_at)
    OR (OLD.destination <> NEW.destination AND OLD.state <> 'awaiting_approval')
) EXECUTE FUNCTION refuse_payout_change();
CREATE TRIGGER payout_stays BEFORE DELETE OR TRUNCATE ON payout
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_payout_change();

-- An attempt names its payout's provider, money and destination, begins unsent, and is made only when it is known what
-- became of the one before: nothing new is sent while an outcome is unknown.
CREATE FUNCTION guard_payout_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paid payout;
BEGIN
    SELECT * INTO paid FROM payout WHERE payout_id = NEW.payout_id;
    IF NEW.state <> 'prepared' OR NEW.send_count <> 0 OR NEW.provider <> paid.provider
        OR NEW.currency <> paid.currency OR NEW.amount_minor > paid.amount_minor
        OR (NEW.operation = 'payout' AND NEW.amount_minor <> paid.amount_minor)
        OR (NEW.provider = 'stripe' AND NEW.account <> paid.destination)
        OR paid.state NOT IN ('reserved', 'submitting', 'unknown', 'manual', 'declined')
        OR (paid.state IN ('unknown', 'manual') AND EXISTS (
            SELECT FROM payout_attempt
            WHERE payout_id = NEW.payout_id AND state IN ('prepared', 'sending', 'unknown')))
    THEN
        RAISE EXCEPTION 'this attempt is not one of its payout, which is %', paid.state USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_attempt_begins BEFORE INSERT ON payout_attempt
    FOR EACH ROW EXECUTE FUNCTION guard_payout_attempt();
-- The request and its key never change, a closed attempt stays closed, and a key's life is not prolonged.
CREATE TRIGGER payout_attempt_facts BEFORE UPDATE ON payout_attempt FOR EACH ROW WHEN (
    (OLD.payout_id, OLD.operation, OLD.attempt_number, OLD.provider, OLD.account, OLD.idempotency_key,
        OLD.request_path, OLD.request_body, OLD.request_sha256, OLD.amount_minor, OLD.currency, OLD.livemode,
        OLD.created_at)
    IS DISTINCT FROM (NEW.payout_id, NEW.operation, NEW.attempt_number, NEW.provider, NEW.account,
        NEW.idempotency_key, NEW.request_path, NEW.request_body, NEW.request_sha256, NEW.amount_minor, NEW.currency,
        NEW.livemode, NEW.created_at)
    OR (OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
        ('prepared', 'sending'), ('sending', 'prepared'), ('sending', 'unknown'), ('sending', 'accepted'),
        ('sending', 'declined'), ('unknown', 'sending'), ('unknown', 'accepted'), ('unknown', 'declined')))
    OR (NEW.state = 'accepted' AND NEW.provider_object_id IS NULL)
    OR (OLD.provider_object_id <> NEW.provider_object_id)
    OR (NEW.key_expires_at > OLD.key_expires_at)
    OR (NEW.state = 'sending' AND NEW.last_sent_at >= NEW.key_expires_at)
) EXECUTE FUNCTION refuse_payout_change();
CREATE TRIGGER payout_attempt_stays BEFORE DELETE OR TRUNCATE ON payout_attempt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_payout_change();

CREATE FUNCTION guard_payout_resolution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.confirmed_at IS NOT NULL
        OR (OLD.payout_id, OLD.verdict, OLD.provider_object_id, OLD.evidence, OLD.proposed_by, OLD.proposed_at)
            IS DISTINCT FROM
            (NEW.payout_id, NEW.verdict, NEW.provider_object_id, NEW.evidence, NEW.proposed_by, NEW.proposed_at)
    THEN
        RAISE EXCEPTION 'what was said about a payout stays' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_resolution_stays BEFORE UPDATE OR DELETE ON payout_resolution
    FOR EACH ROW EXECUTE FUNCTION guard_payout_resolution();
