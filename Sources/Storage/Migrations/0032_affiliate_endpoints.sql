-- Whose endpoint it is, which is told of its own affiliate's news alone; NULL: the company's.
ALTER TABLE webhook_endpoint ADD COLUMN affiliate_id text REFERENCES affiliate;
CREATE INDEX webhook_endpoint_by_affiliate ON webhook_endpoint (affiliate_id);
