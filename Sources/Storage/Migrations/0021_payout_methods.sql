-- Where affiliates want their money, every entry once; at most one of an affiliate counts.
CREATE TABLE payout_method (
    payout_method_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    affiliate_id     text        NOT NULL REFERENCES affiliate,
    provider         text        NOT NULL CHECK (provider IN ('stripe', 'circle', 'manual')),
    chain            text,                               -- of a USDC address, which does not tell it
    account          text        NOT NULL,               -- acct_…, the address, or who is paid by hand
    last4            text,                               -- of a bank account; more of it is never stored
    recipient_id     text,                               -- of an address in the provider's address book
    provider_account text        NOT NULL DEFAULT '',    -- what a payout names; empty until the provider takes it
    state            text        NOT NULL CHECK (state IN ('cooling', 'active', 'replaced', 'refused')),
    refusal          text,                               -- the provider's code
    ask_at           timestamptz,                        -- when the provider is asked about it next
    usable_from      timestamptz NOT NULL,               -- the end of the cooling time
    entered_by       text        NOT NULL,
    entered_at       timestamptz NOT NULL,
    CHECK ((provider = 'circle') = (chain IS NOT NULL)),
    CHECK (state <> 'active' OR provider_account <> '')
);
CREATE UNIQUE INDEX payout_method_one_current ON payout_method (affiliate_id) WHERE state IN ('cooling', 'active');
CREATE INDEX payout_method_by_account ON payout_method (account);
CREATE INDEX payout_method_cooling ON payout_method (usable_from) WHERE state = 'cooling';
