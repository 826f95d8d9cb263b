-- The position of every worker group in every partition, and what it still owes to the topics behind it.
CREATE TABLE stream_offset (
    worker_group   text        NOT NULL,
    topic          text        NOT NULL,                 -- '' for a lane: an emitter without an input partition
    partition      integer     NOT NULL,
    next_offset    bigint,                               -- NULL for a lane
    first_offset   bigint,                               -- where the group started; what lies before is not ours
    owner_epoch    bigint      NOT NULL DEFAULT 0,       -- rises with every claim; only the current epoch may write
    owner_id       text        NOT NULL DEFAULT '',
    clean_release  boolean     NOT NULL DEFAULT true,    -- false while owned: a death in office is visible to the next owner
    last_record_at timestamptz,
    next_out_seq   bigint      NOT NULL DEFAULT 0,
    published_upto bigint      NOT NULL DEFAULT 0,       -- outbox rows below are on their topics
    crash_offset   bigint,                               -- where the last unclean owner stood
    crash_count    integer     NOT NULL DEFAULT 0,       -- how many owners in a row died there
    trying_offset  bigint,                               -- quarantine: the record being tried alone
    clean_records  integer     NOT NULL DEFAULT 0,       -- quarantine: how many went well since
    mode           text        NOT NULL DEFAULT 'run' CHECK (mode IN ('run', 'quarantine', 'held')),
    hold_reason    text,
    hold_detail    text,
    cluster_id     text,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (worker_group, topic, partition),
    CHECK (published_upto <= next_out_seq),
    CHECK ((mode = 'held') = (hold_reason IS NOT NULL))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- Rows that become messages. out_seq is taken from the lane's stream_offset row inside the transaction that fences it,
-- so it has no gaps and follows the order of commits.
CREATE TABLE outbox (
    worker_group text        NOT NULL,
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    out_seq      bigint      NOT NULL,
    out_topic    text        NOT NULL,
    key          bytea,
    message_id   uuid        NOT NULL,                   -- a hash of (stage, input, kind, n): a replay makes the same id
    payload      bytea,                                  -- NULL: a tombstone that became a dead letter
    headers      jsonb,                                  -- [[name, value], …] of a dead letter
    payload_hash uuid        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (worker_group, topic, partition, out_seq)
);

-- Messages whose effect has no row of its own.
CREATE TABLE inbox (
    worker_group text        NOT NULL,
    message_id   uuid        NOT NULL,
    payload_hash uuid        NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (worker_group, message_id)
);

CREATE TABLE dead_letter (
    dead_letter_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker_group   text        NOT NULL,
    topic          text        NOT NULL,
    partition      integer     NOT NULL,
    record_offset  bigint      NOT NULL,
    record_at      timestamptz NOT NULL,
    record_key     bytea,
    record_value   bytea,
    headers        jsonb       NOT NULL DEFAULT '[]',
    error_class    text        NOT NULL,
    error_code     integer     NOT NULL,
    error_message  text        NOT NULL,
    replay_count   integer     NOT NULL DEFAULT 0,
    status         text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'replayed', 'discarded')),
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (worker_group, topic, partition, record_offset)
);

CREATE TABLE topic_registry (
    topic      text    PRIMARY KEY,
    partitions integer NOT NULL CHECK (partitions > 0),
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- What an operator did to the fleet by hand.
CREATE TABLE operator_action (
    operator_action_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at                 timestamptz NOT NULL DEFAULT now(),
    actor              text        NOT NULL,
    action             text        NOT NULL,
    detail             jsonb       NOT NULL DEFAULT '{}'
);
