-- Events and clicks lie in partitions by the UTC month of occurred_at: new rows meet small indexes however many came
-- before, and old months are dropped whole. An event id names one event of a month, a click id one click of a month;
-- what must be unique for ever (orders, refunds) has keys of its own.
-- The view that names them is made again behind them, as it was.
SELECT set_config('tributary.recorded_price', pg_get_viewdef('recorded_price'), true);
DROP VIEW recorded_price;

ALTER TABLE event RENAME TO event_before;
ALTER TABLE event_before RENAME CONSTRAINT event_pkey TO event_before_pkey;
CREATE TABLE event (
    event_key     uuid        NOT NULL,                  -- hash of event_id; the primary key of each partition
    event_id      text        NOT NULL,
    kind          smallint    NOT NULL CHECK (kind BETWEEN 1 AND 5),
    parked        boolean     NOT NULL,                  -- how it entered; a parked one is settled when parked_event loses it
    affiliate_id  text        NOT NULL,
    content_hash  uuid        NOT NULL,                  -- same id, other hash: an incident, not a duplicate
    topic_partition integer   NOT NULL,
    record_offset bigint      NOT NULL,
    occurred_at   timestamptz NOT NULL
) PARTITION BY RANGE (occurred_at);

ALTER TABLE click RENAME TO click_before;
ALTER TABLE click_before RENAME CONSTRAINT click_pkey TO click_before_pkey;
CREATE TABLE click (
    click_key    uuid        NOT NULL,                   -- hash of (program_id, click_id); the primary key of each partition
    click_id     text        NOT NULL,
    program_id   text        NOT NULL,
    affiliate_id text        NOT NULL,
    occurred_at  timestamptz NOT NULL,
    sub_id       text,
    ip           text,
    device_id    text,
    country      text,
    event_key    uuid                                    -- NULL: taken in before it was kept
) PARTITION BY RANGE (occurred_at);

-- How long what is taken in is kept, in days behind the end of its month, or behind the row itself for 'outbox'.
CREATE TABLE retention_policy (
    subject    text        PRIMARY KEY CHECK (subject IN ('event', 'click', 'outbox')),
    keep_days  integer     NOT NULL CHECK (keep_days BETWEEN 31 AND 36600),
    changed_by text        NOT NULL DEFAULT 'migration',
    changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO retention_policy (subject, keep_days) VALUES ('event', 2557), ('click', 731), ('outbox', 45);

-- How many rows were dropped with a month, so that counts can still be proven.
CREATE TABLE dropped_month (
    relation   text        NOT NULL,
    month      date        NOT NULL,
    kind       smallint    NOT NULL,                     -- of the events; 1 for clicks
    rows       bigint      NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER dropped_month_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dropped_month
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE VIEW month_partition AS
SELECT p.relname::text AS relation, to_date(right(c.relname, 7), 'YYYY_MM') AS month, c.relname::text AS name,
    NULLIF(c.reltuples, -1)::bigint AS estimated_rows, pg_total_relation_size(c.oid) AS bytes
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
WHERE p.oid IN ('event'::regclass, 'click'::regclass);

-- The workers' role owns no table: these two let it do this much and no more. Attaching a partition stops no writer,
-- and whoever needs the same month at the same moment waits for the first.
CREATE FUNCTION make_month(relation text, month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE name text := relation || to_char(month, '_YYYY_MM');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN RETURN false; END IF;
    IF relation NOT IN ('event', 'click') OR month <> date_trunc('month', month) THEN
        RAISE EXCEPTION '% has no month %', relation, month USING ERRCODE = '22023';
    END IF;
    -- A lock on a table, not an advisory one: it makes what others created meanwhile visible to the next line.
    LOCK TABLE dropped_month IN SHARE ROW EXCLUSIVE MODE;
    IF to_regclass(name) IS NOT NULL THEN RETURN false; END IF;
    EXECUTE format(
        'CREATE TABLE %I (LIKE %I INCLUDING CONSTRAINTS, PRIMARY KEY (%I)) WITH (autovacuum_analyze_scale_factor = 0.02)',
        name, relation, relation || '_key');
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', relation, name,
        month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    RETURN true;
END $$;

-- Drops a month that is past its policy, and keeps its counts.
CREATE FUNCTION drop_month(relation text, month date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text := relation || to_char(month, '_YYYY_MM');
    due timestamptz := (SELECT (drop_month.month + interval '1 month' + make_interval(days => keep_days))
        AT TIME ZONE 'UTC' FROM retention_policy WHERE subject = relation);
    dropped bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM month_partition p WHERE p.relation = drop_month.relation AND p.month = drop_month.month)
    THEN
        RETURN 0;
    END IF;
    IF due > now() THEN
        RAISE EXCEPTION '% is kept until %', name, due USING ERRCODE = '42501';
    END IF;
    EXECUTE format('LOCK TABLE %I IN SHARE MODE', name);
    EXECUTE format(
        'WITH counted AS (
            INSERT INTO dropped_month (relation, month, kind, rows) SELECT %L, %L, %s, count(*) FROM %I GROUP BY 3
            RETURNING rows)
        SELECT COALESCE(sum(rows), 0) FROM counted',
        relation, month, CASE relation WHEN 'event' THEN 'kind' ELSE '1::smallint' END, name) INTO dropped;
    EXECUTE format('DROP TABLE %I', name);
    RETURN dropped;
END $$;

SELECT make_month(relation, month::date) FROM (VALUES ('event'), ('click')) AS r (relation), (
    SELECT date_trunc('month', occurred_at AT TIME ZONE 'UTC') FROM event_before
    UNION SELECT date_trunc('month', occurred_at AT TIME ZONE 'UTC') FROM click_before
    UNION SELECT generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
        date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months', interval '1 month')) AS m (month);
INSERT INTO event SELECT * FROM event_before;
INSERT INTO click SELECT *, NULL FROM click_before;
DROP TABLE event_before, click_before;
DO $$ BEGIN EXECUTE 'CREATE VIEW recorded_price AS ' || current_setting('tributary.recorded_price'); END $$;

ALTER TABLE parked_event DROP CONSTRAINT parked_event_pkey, ADD PRIMARY KEY (event_key, occurred_at);
