-- What the company has at its providers, as the last comparison found it.
CREATE TABLE provider_balance (
    provider      text        NOT NULL,
    currency      text        NOT NULL,
    here_minor    bigint      NOT NULL,                  -- in the ledger
    there_minor   bigint      NOT NULL,
    opening_minor bigint      NOT NULL,                  -- there less here when they were first compared
    compared_at   timestamptz NOT NULL,
    PRIMARY KEY (provider, currency)
);
