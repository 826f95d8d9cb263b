-- Commissions with what they were priced with. Columns are read by their place: see Storage/RecordedPriceStore.
CREATE VIEW recorded_price AS
SELECT m.commission_id, m.conversion_id, m.tier::integer AS tier, m.affiliate_id, m.program_id, m.rules_version, m.rule_id,
    m.rule_version, m.base_minor, m.uncapped_minor, m.cap_left_minor, m.amount_minor, a.referred_by,
    m.currency AS commission_currency,
    -- The order is judged as that of the affiliate who brought it, whoever gets the commission.
    CASE m.tier WHEN 1 THEN m.affiliate_id ELSE COALESCE((
        SELECT f.affiliate_id FROM commission f
        WHERE (f.commission_id = m.conversion_id OR f.conversion_id = m.conversion_id AND f.commission_id <> f.conversion_id)
            AND f.tier = 1 AND f.recorded_at = m.recorded_at), c.affiliate_id) END AS brought_by,
    m.group_id, c.country, c.coupon, c.sub_id, c.is_new_customer, c.items, c.quantity, c.currency, c.amount_minor AS order_minor,
    c.occurred_at, COALESCE(m.customer_since, CASE WHEN c.customer_id IS NULL THEN NULL ELSE c.occurred_at END) AS customer_since,
    q.fx_quote_id, q.mantissa, q.scale::integer AS scale, q.quoted_at, m.volume_minor,
    m.recorded_at, m.superseded, e.topic_partition, e.record_offset
FROM commission m
JOIN conversion c USING (conversion_id)
LEFT JOIN affiliate a ON a.affiliate_id = m.affiliate_id
LEFT JOIN fx_quote q ON q.fx_quote_id = m.fx_quote_id
LEFT JOIN event e ON e.event_key = c.event_key AND e.occurred_at = c.occurred_at;
