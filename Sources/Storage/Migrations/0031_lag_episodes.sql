-- Since when a worker is further behind in a topic than it may be; gone when it has caught up.
CREATE TABLE lag_episode (
    worker_group text        NOT NULL,
    topic        text        NOT NULL,
    since        timestamptz NOT NULL,
    PRIMARY KEY (worker_group, topic)
);
