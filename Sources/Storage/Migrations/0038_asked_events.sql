-- Events that no webhook told of: they were asked for.
ALTER TABLE webhook_inbox ADD COLUMN asked_for boolean NOT NULL DEFAULT false;
