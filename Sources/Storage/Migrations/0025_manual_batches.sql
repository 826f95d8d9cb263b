-- Payouts that people pay outside, handed out as files; each is in one of them.
CREATE TABLE manual_batch (
    manual_batch_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made_by         text        NOT NULL,
    made_at         timestamptz NOT NULL
);
CREATE TABLE manual_batch_payout (
    payout_id       uuid   PRIMARY KEY REFERENCES payout,
    manual_batch_id bigint NOT NULL REFERENCES manual_batch
);
CREATE INDEX manual_batch_payout_by_batch ON manual_batch_payout (manual_batch_id);
