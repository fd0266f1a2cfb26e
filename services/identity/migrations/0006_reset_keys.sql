-- Two presses of one button ask for one mail. Nothing: a caller of the version before.
ALTER TABLE password_resets ADD COLUMN idempotency_key text;
CREATE UNIQUE INDEX password_resets_by_key ON password_resets (idempotency_key);
