-- What stops an affiliate's payouts beside its verdict and its account.
ALTER TABLE affiliate
    ADD COLUMN kyc_status              text NOT NULL DEFAULT 'not_required'
        CHECK (kyc_status IN ('not_required', 'pending', 'verified', 'failed')),
    ADD COLUMN tax_status              text NOT NULL DEFAULT 'not_required'
        CHECK (tax_status IN ('not_required', 'missing', 'valid', 'expired')),
    ADD COLUMN payout_method_usable_at timestamptz;      -- a changed method cools until then; NULL: at once
-- Above it, two people approve.
ALTER TABLE program ADD COLUMN second_approval_limit_minor bigint NOT NULL DEFAULT 1000000
    CHECK (second_approval_limit_minor >= 0);

ALTER TABLE payout
    ADD COLUMN needs_second       boolean NOT NULL DEFAULT false,
    ADD COLUMN second_approved_by text,
    ADD COLUMN second_approved_at timestamptz,
    ADD CHECK (second_approved_by <> submitted_by),
    ADD CHECK (second_approved_by <> approved_by);
CREATE TRIGGER payout_approved BEFORE UPDATE ON payout FOR EACH ROW WHEN (
    OLD.needs_second <> NEW.needs_second
    OR (OLD.approved_by IS NOT NULL AND NEW.approved_by IS NULL)
    OR (OLD.approved_by <> NEW.approved_by)
    OR (OLD.second_approved_by <> NEW.second_approved_by)
    OR (NEW.second_approved_by IS NOT NULL AND NEW.approved_by IS NULL)
    OR (OLD.state = 'awaiting_approval' AND NEW.state = 'reserved' AND NEW.needs_second
        AND NEW.second_approved_by IS NULL)
) EXECUTE FUNCTION refuse_payout_change();

-- The last reason why a balance that reaches its minimum was not paid; gone when it is.
CREATE TABLE payout_withheld (
    affiliate_id  text        NOT NULL REFERENCES affiliate,
    currency      text        NOT NULL,
    payable_minor bigint      NOT NULL,
    batch_key     text        NOT NULL,
    decision      jsonb       NOT NULL,                  -- every limit with its value
    at            timestamptz NOT NULL,
    PRIMARY KEY (affiliate_id, currency)
);

-- While a freeze is in force nothing is planned or sent within its scope.
CREATE TABLE payout_freeze (
    payout_freeze_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope            text        NOT NULL CHECK (scope IN ('all', 'provider', 'affiliate')),
    subject          text        NOT NULL DEFAULT '',    -- the provider or the affiliate
    reason           text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    frozen_by        text        NOT NULL,
    frozen_at        timestamptz NOT NULL,
    lifted_by        text,
    lifted_at        timestamptz,
    CHECK ((scope = 'all') = (subject = ''))
);
CREATE UNIQUE INDEX payout_freeze_one_open ON payout_freeze (scope, subject) WHERE lifted_at IS NULL;
