-- What an affiliate's records were rejected for, newest first: it may appeal.
CREATE INDEX intake_exception_rejected ON intake_exception (affiliate_id, recorded_at DESC) WHERE outcome = 'rejected';
