-- The chart of accounts. 'affiliate' accounts exist once per affiliate and currency.
CREATE TYPE ledger_account AS ENUM (
    'exp:commission', 'exp:payout_fee', 'exp:bad_debt',
    'liab:affiliate:pending', 'liab:affiliate:payable', 'liab:affiliate:reserved',
    'asset:affiliate:clawback', 'asset:bank:operating',
    'asset:provider:stripe', 'asset:provider:stripe:account', 'asset:in_transit:stripe'
);

CREATE TABLE ledger_transaction (
    transaction_id uuid        PRIMARY KEY,              -- hash of key: one business event, one transaction
    key            text        NOT NULL,
    kind           text        NOT NULL,
    input_hash     uuid        NOT NULL,
    reverses_id    uuid        UNIQUE REFERENCES ledger_transaction,
    recorded_at    timestamptz NOT NULL
);

-- A posting moves one amount from one account to another, so debits equal credits in every row, and with them in every
-- transaction and currency: there is no row by which a session could unbalance the ledger.
CREATE TABLE ledger_posting (
    transaction_id uuid           NOT NULL REFERENCES ledger_transaction,
    line           integer        NOT NULL,
    affiliate_id   text           NOT NULL,              -- '' where neither side is an affiliate's
    currency       text           NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    debit          ledger_account NOT NULL,
    credit         ledger_account NOT NULL,
    amount_minor   bigint         NOT NULL CHECK (amount_minor > 0),
    PRIMARY KEY (transaction_id, line),
    CHECK (debit <> credit)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: correct it by a new transaction', TG_TABLE_NAME USING ERRCODE = '23001';
END $$;
CREATE TRIGGER ledger_transaction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_posting_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The affiliate's balances, kept beside the postings in the same transaction. verify proves that they equal the postings.
CREATE TABLE affiliate_balance (
    affiliate_id text   NOT NULL,
    currency     text   NOT NULL,
    pending      bigint NOT NULL DEFAULT 0 CHECK (pending >= 0),
    payable      bigint NOT NULL DEFAULT 0 CHECK (payable >= 0),
    reserved     bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    clawback     bigint NOT NULL DEFAULT 0 CHECK (clawback >= 0),
    connected    bigint NOT NULL DEFAULT 0 CHECK (connected >= 0),  -- lies on the affiliate's account at the provider
    PRIMARY KEY (affiliate_id, currency)
) WITH (fillfactor = 70);
