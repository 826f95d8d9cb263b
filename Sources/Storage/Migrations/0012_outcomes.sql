-- Who looks for a record that was refused, or that waits, knows its order and its programme.
ALTER TABLE intake_exception
    ADD COLUMN kind        smallint,                     -- as in event; NULL: not readable
    ADD COLUMN program_id  text,
    ADD COLUMN order_id    text,
    ADD COLUMN occurred_at timestamptz;
ALTER TABLE parked_event
    ADD COLUMN kind        smallint,                     -- NULL: parked by a version that did not say
    ADD COLUMN program_id  text,
    ADD COLUMN order_id    text;

-- Lists by time. Both tables grow at their ends, so the bounds of each megabyte are enough to find a day, and an insert
-- pays for them once per megabyte and not once per row.
CREATE INDEX conversion_occurred ON conversion USING brin (occurred_at) WITH (autosummarize = on);
-- Where a record stands in a list: when it occurred, but not later than it was taken in.
CREATE INDEX intake_exception_moment ON intake_exception USING brin (LEAST(occurred_at, recorded_at))
    WITH (autosummarize = on);
