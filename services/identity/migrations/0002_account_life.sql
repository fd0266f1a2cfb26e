-- Sessions get a public id (to end them by) and what their owner knows them by. Every column has a default, so that
-- instances of the version before go on writing.
ALTER TABLE sessions
    ADD COLUMN public_id    uuid NOT NULL DEFAULT gen_random_uuid(),
    -- Nothing: not seen since it was opened. Written at most once a minute.
    ADD COLUMN last_seen_at timestamptz,
    ADD COLUMN user_agent   text NOT NULL DEFAULT '' CONSTRAINT sessions_user_agent_size CHECK (octet_length(user_agent) <= 400);
CREATE INDEX sessions_by_public_id ON sessions (account_id, public_id);

-- What came of a registration, under its key: a repeated request is answered alike and mails nobody again.
CREATE TABLE registrations (
    idempotency_key text PRIMARY KEY,
    account_id      uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- Tells a repeated request from another request under the same key; of address and name, never of the password.
    request_digest  bytea NOT NULL,
    created_at      timestamptz NOT NULL
);
CREATE INDEX registrations_by_age ON registrations (created_at);
CREATE INDEX registrations_by_account ON registrations (account_id);

-- Asked-for new passwords. A token is known by its SHA-256 and works once: using it removes the row.
CREATE TABLE password_resets (
    token_digest bytea PRIMARY KEY CONSTRAINT password_resets_digest_size CHECK (octet_length(token_digest) = 32),
    -- Nobody's when the address has no account: asking takes as long.
    account_id   uuid REFERENCES accounts (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX password_resets_by_account ON password_resets (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX password_resets_by_expiry ON password_resets (expires_at);

-- One book an account; at most 10 addresses, checked before they are written.
CREATE TABLE address_books (
    account_id uuid PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    addresses  jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);

-- Accounts that are gone and whose orders still name a person. The row is written with the account's end and leaves
-- when orders has done its part.
CREATE TABLE account_deletions (
    account_id  uuid PRIMARY KEY,
    deleted_at  timestamptz NOT NULL,
    -- Times that orders has done it. The second time is a day later: a page that was still open may have ordered.
    passes      integer NOT NULL DEFAULT 0,
    attempts    integer NOT NULL DEFAULT 0,
    -- Nobody tries before; a worker that takes it moves this on, which is its lease.
    due_at      timestamptz NOT NULL
);
CREATE INDEX account_deletions_due ON account_deletions (due_at);

CREATE TABLE staff (
    username      text PRIMARY KEY,
    role          text NOT NULL CONSTRAINT staff_role_known CHECK (role IN ('viewer', 'clerk', 'manager')),
    -- PHC string of argon2id, with its own salt and cost.
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL
);
CREATE TABLE staff_sessions (
    token_digest    bytea PRIMARY KEY CONSTRAINT staff_sessions_digest_size CHECK (octet_length(token_digest) = 32),
    username        text NOT NULL REFERENCES staff (username) ON DELETE CASCADE,
    -- A log-in that was repeated has several tokens; they end together.
    idempotency_key text NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    CONSTRAINT staff_sessions_end_after_start CHECK (expires_at > created_at)
);
CREATE INDEX staff_sessions_by_username ON staff_sessions (username, created_at DESC);
CREATE INDEX staff_sessions_by_expiry ON staff_sessions (expires_at);

-- Events leave with the transaction that made them true, and are relayed afterwards.
CREATE TABLE outbox (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid NOT NULL CONSTRAINT outbox_event_key UNIQUE,
    kind        text NOT NULL,
    payload     jsonb NOT NULL,
    traceparent text,
    created_at  timestamptz NOT NULL
);
