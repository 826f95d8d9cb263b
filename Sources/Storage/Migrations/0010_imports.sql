-- Files of events as comma-separated values. A file is checked first, and nothing of it becomes an event before
-- somebody confirms what the check said. The row stays for ever, so that the same file is known when it comes again.
CREATE TABLE import (
    import_id      uuid        PRIMARY KEY,              -- hash of the file's bytes and of what its columns mean
    file_name      text        NOT NULL,
    size_bytes     bigint      NOT NULL CHECK (size_bytes > 0),
    delimiter      text        NOT NULL CHECK (delimiter IN ('comma', 'semicolon', 'tab')),
    titles         text[]      NOT NULL,                 -- the columns' names in the file's header
    mapping        jsonb       NOT NULL,                 -- {column: field}, as the uploader said
    state          text        NOT NULL CHECK (state IN ('checked', 'publishing', 'done', 'discarded', 'expired')),
    new_rows       integer     NOT NULL DEFAULT 0 CHECK (new_rows >= 0),
    duplicate_rows integer     NOT NULL DEFAULT 0 CHECK (duplicate_rows >= 0),
    bad_rows       integer     NOT NULL DEFAULT 0 CHECK (bad_rows >= 0),
    published_rows integer     NOT NULL DEFAULT 0,       -- of the new ones, those that are in the outbox
    last_out_seq   bigint,                               -- where the lane 'import' stood behind the last of them
    created_by     text        NOT NULL,
    created_at     timestamptz NOT NULL,
    confirmed_by   text,
    confirmed_at   timestamptz,
    ended_at       timestamptz,                          -- when it became done, discarded or expired
    CHECK (published_rows BETWEEN 0 AND new_rows),
    CHECK ((state IN ('publishing', 'done')) = (confirmed_by IS NOT NULL)),
    CHECK (published_rows = 0 OR state IN ('publishing', 'done')),
    CHECK (state <> 'done' OR published_rows = new_rows)
);
CREATE INDEX import_latest ON import (created_at, import_id);
CREATE INDEX import_open ON import (state, confirmed_at) WHERE state IN ('checked', 'publishing');

-- The events of an import that are still to come: one leaves in the transaction that puts it into the outbox.
CREATE TABLE import_row (
    import_id  uuid    NOT NULL,
    row_number integer NOT NULL,                         -- among the import's new rows, from 0
    record_key text    NOT NULL,
    payload    bytea   NOT NULL,
    PRIMARY KEY (import_id, row_number)
);

-- The rows of an import that become no event, and why.
CREATE TABLE import_finding (
    import_id      uuid    NOT NULL,
    line           integer NOT NULL,                     -- of the file, where the row begins
    outcome        text    NOT NULL CHECK (outcome IN ('duplicate', 'bad')),
    code           integer NOT NULL,                     -- reason code, see Domain/ReasonCode
    title          text    NOT NULL,                     -- the column; '' for the whole row
    measured       text    NOT NULL,                     -- the value, shortened
    duplicate_of   text,                                 -- the id of what was first
    duplicate_line integer,                              -- where that is in the same file; NULL: recorded before
    cells          text[]  NOT NULL,                     -- as the file has them, each shortened
    PRIMARY KEY (import_id, line)
);
