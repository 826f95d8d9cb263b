-- Scores are made of the days, programme by programme, since what is usual in one takes part in each: not per batch.
DROP TABLE affiliate_score;

-- An affiliate's place in a programme as of a UTC day, and what its score is made of. A day's rows are made again until
-- the next day has begun, and then stay.
CREATE TABLE affiliate_rank (
    program_id      text        NOT NULL,
    currency        text        NOT NULL,
    day             date        NOT NULL,
    affiliate_id    text        NOT NULL,
    rank            integer     NOT NULL CHECK (rank > 0),
    expected_minor  bigint      NOT NULL CHECK (expected_minor >= 0),   -- net revenue of the next 15 days
    low_minor       bigint      NOT NULL CHECK (low_minor >= 0),        -- an interval of 80 %
    high_minor      bigint      NOT NULL CHECK (high_minor >= low_minor),
    orders          bigint      NOT NULL,                -- that the score rests on
    is_low_sample   boolean     NOT NULL,
    contributions   integer[]   NOT NULL,                -- logarithms x 10,000, by Domain/AffiliateRanking.Factor
    conversion_rate float8      NOT NULL,
    trend           float8      NOT NULL,                -- orders a day of two weeks over those of the four before
    model_version   integer     NOT NULL,
    ranked_at       timestamptz NOT NULL,
    PRIMARY KEY (program_id, currency, day, affiliate_id),
    UNIQUE (day, rank, program_id, currency)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- Days come in the order of time, so a small index finds them.
CREATE INDEX affiliate_day_by_day ON affiliate_day USING brin (day) WITH (pages_per_range = 16, autosummarize = on);
