-- How long is kept what people and programs were told, with its deliveries.
ALTER TABLE retention_policy DROP CONSTRAINT retention_policy_subject_check;
ALTER TABLE retention_policy ADD CONSTRAINT retention_policy_subject_check
    CHECK (subject IN ('event', 'click', 'outbox', 'notification'));
INSERT INTO retention_policy (subject, keep_days) VALUES ('notification', 400);
CREATE INDEX notification_delivery_by_notification ON notification_delivery (notification_id);
