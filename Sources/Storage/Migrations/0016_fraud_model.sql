-- Versions of the fraud model that were learnt from decisions, beside the standard one that the program brings. Of the
-- standard model's version `base` only: trees and the order of features are its.
CREATE TABLE fraud_model (
    fraud_model_id bigint             GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base           text               NOT NULL,
    bias           double precision   NOT NULL,
    weights        double precision[] NOT NULL,
    examples       bigint             NOT NULL,           -- decisions that it learnt from
    status         text               NOT NULL CHECK (status IN ('shadow', 'active', 'retired')),
    made_by        text               NOT NULL,
    made_at        timestamptz        NOT NULL,
    promoted_by    text,
    promoted_at    timestamptz
);
CREATE UNIQUE INDEX fraud_model_one_active ON fraud_model (status) WHERE status = 'active';
