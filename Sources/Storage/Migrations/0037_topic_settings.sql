-- Settings that hold for one topic, in place of what holds for all.
CREATE TABLE topic_setting (
    name       text        NOT NULL,
    topic      text        NOT NULL,
    value      bigint      NOT NULL,
    changed_by text        NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (name, topic)
);
