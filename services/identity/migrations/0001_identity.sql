-- Shoppers. The address is stored as it is compared: trimmed, lower case.
CREATE TABLE accounts (
    id              uuid PRIMARY KEY,
    email           text NOT NULL CONSTRAINT accounts_email_key UNIQUE,
    display_name    text NOT NULL,
    -- PHC string of argon2id, with its own salt and cost.
    password_hash   text NOT NULL,
    idempotency_key text NOT NULL CONSTRAINT accounts_idempotency_key UNIQUE,
    created_at      timestamptz NOT NULL
);

-- A session is known by the SHA-256 of its token, never by the token.
CREATE TABLE sessions (
    token_digest    bytea PRIMARY KEY CONSTRAINT sessions_digest_size CHECK (octet_length(token_digest) = 32),
    account_id      uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- A log-in that was repeated has several tokens; they end together.
    idempotency_key text NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    CONSTRAINT sessions_end_after_start CHECK (expires_at > created_at)
);
CREATE INDEX sessions_by_account ON sessions (account_id, created_at DESC);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
