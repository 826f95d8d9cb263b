-- What a nat of a version's evidence is worth, and how much more or less fraud there is than it took for usual.
ALTER TABLE fraud_model
    ADD COLUMN slope       double precision NOT NULL DEFAULT 1,
    ADD COLUMN prior_shift double precision NOT NULL DEFAULT 0;
