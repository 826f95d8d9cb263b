-- How the features of a judgement were measured, and stand in the bytes: decisions teach every model that measures so,
-- whatever its weights. What was stored so far, and what older workers store beside newer ones, is of the first layout.
ALTER TABLE fraud_judgement ADD COLUMN features_layout integer NOT NULL DEFAULT 1;
ALTER TABLE fraud_decision ADD COLUMN features_layout integer NOT NULL DEFAULT 1;
