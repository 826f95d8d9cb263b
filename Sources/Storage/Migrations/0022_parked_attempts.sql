-- What waits to be sent, by account: behind one that was turned away the others of its account wait.
CREATE INDEX payout_attempt_parked ON payout_attempt (provider, account, payout_attempt_id) WHERE state = 'prepared';
