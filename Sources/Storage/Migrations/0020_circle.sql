-- USDC is paid straight from the company's balance at the provider: nothing lies on an account of the affiliate.
ALTER TYPE ledger_account ADD VALUE 'asset:provider:circle';
ALTER TYPE ledger_account ADD VALUE 'asset:in_transit:circle';

-- How far a provider's listing was read: the next reading begins before that, by the overlap.
CREATE TABLE provider_listing (
    provider text        PRIMARY KEY,
    read_at  timestamptz NOT NULL
);
