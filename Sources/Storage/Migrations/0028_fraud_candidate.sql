-- What the newest version of the fraud model that never judged would have said beside the one that did.
ALTER TABLE fraud_judgement
    ADD COLUMN candidate_version     text,               -- NULL: none was there
    ADD COLUMN candidate_probability double precision,
    ADD COLUMN candidate_verdict     text CHECK (candidate_verdict IN ('clear', 'review', 'hold'));
CREATE INDEX fraud_judgement_candidate ON fraud_judgement (candidate_version, day) WHERE candidate_version IS NOT NULL;
