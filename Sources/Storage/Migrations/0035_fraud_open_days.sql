-- Open days are judged one at a time: their events are read by day, and what their keys lead to as of the end of a day
-- is kept here where there is too much of it for memory. A record without bytes: the key leads nowhere.
CREATE TABLE fraud_link_open (
    kind     integer NOT NULL CHECK (kind BETWEEN 1 AND 4),
    key      bigint  NOT NULL,
    as_of    integer NOT NULL,
    day      integer NOT NULL,
    is_buyer boolean NOT NULL,
    record   bytea   NOT NULL,
    PRIMARY KEY (kind, key, as_of)
);
CREATE INDEX fraud_link_open_buyer ON fraud_link_open (day) WHERE is_buyer;
DROP INDEX fraud_link_buyer;
CREATE INDEX fraud_link_buyer ON fraud_link (day, key) WHERE is_buyer;

ALTER TABLE fraud_observation DROP CONSTRAINT fraud_observation_pkey, ADD PRIMARY KEY (day, message_id);

-- Where affiliates would stand by the candidate, as of the last sealed day.
ALTER TABLE fraud_standing ADD COLUMN candidate bytea;
ALTER TABLE fraud_world ADD COLUMN candidate_version text;

-- Of the rules before the engine; what they had flagged became cases.
DROP TABLE fraud_flag, fraud_ip_hour;
