-- The judgement that a case shows, and that a decision about it keeps: whose words the case has, or else the strongest
-- of its kind. A case about conversions alone has none of its own: then the affiliate's strongest.
CREATE VIEW fraud_case_judgement AS
SELECT c.fraud_case_id, j.day, j.model_version, j.evidence, j.features, j.features_layout, j.is_own
FROM fraud_case c CROSS JOIN LATERAL (
    SELECT f.*, (f.verdict <> 'clear' AND f.day BETWEEN c.first_day AND c.last_day) IS TRUE AS is_own
    FROM fraud_judgement f WHERE f.affiliate_id = c.affiliate_id
    ORDER BY is_own DESC, f.kind IS NOT DISTINCT FROM c.kind DESC, f.sentence IS NOT DISTINCT FROM c.measured DESC,
        f.probability DESC, f.day LIMIT 1) j;
