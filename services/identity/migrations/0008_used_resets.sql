-- A mail's link that set a password, until its hour is over: the same form sent twice is answered as it was the first time.
-- A table of its own: instances from before this one take any row of password_resets for a link that still works.
CREATE TABLE used_resets (
    token_digest bytea PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX used_resets_by_account ON used_resets (account_id);
CREATE INDEX used_resets_by_end ON used_resets (expires_at);
