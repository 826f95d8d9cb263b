-- What may be paid without a person, beside one payout's amount.
ALTER TABLE program
    ADD COLUMN thirty_day_limit_minor bigint CHECK (thirty_day_limit_minor >= 0),   -- of an affiliate; NULL: ten times
                                                                                    -- the automatic limit
    ADD COLUMN daily_limit_minor      bigint CHECK (daily_limit_minor >= 0),        -- of all; NULL: none
    ADD COLUMN affiliate_age_days     integer NOT NULL DEFAULT 0 CHECK (affiliate_age_days >= 0);
-- What went out of late.
CREATE INDEX payout_by_day ON payout (created_at);
