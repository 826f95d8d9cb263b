-- Sentences about a ranking. A sentence that is made again as it was keeps what it was rewritten to.
CREATE TABLE insight (
    program_id   text        NOT NULL,
    currency     text        NOT NULL,
    day          date        NOT NULL,                   -- of the ranking
    kind         text        NOT NULL CHECK (kind IN ('forecast', 'rise', 'fall', 'loss', 'channel')),
    affiliate_id text        NOT NULL,                   -- '': the programme
    channel      text        NOT NULL,                   -- a sub-id, or ''
    sentence     text        NOT NULL,                   -- with {affiliate} and {channel} where the names go
    weight_minor bigint      NOT NULL,
    rewritten    text,                                   -- NULL: as it is
    objection    text,                                   -- why what came back was not taken
    asked_at     timestamptz,
    made_at      timestamptz NOT NULL,
    PRIMARY KEY (program_id, currency, day, kind, affiliate_id, channel)
);
CREATE INDEX insight_to_rewrite ON insight (day) WHERE asked_at IS NULL;
