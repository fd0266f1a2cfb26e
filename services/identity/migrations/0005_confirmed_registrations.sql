-- Accounts that were asked for. The owner of the address confirms one by a mail's link, or it is forgotten after a day. A
-- row whose address has an account already was written so that asking takes as long; nobody has its token.
CREATE TABLE pending_registrations (
    token_digest  bytea PRIMARY KEY CONSTRAINT pending_registrations_digest_size CHECK (octet_length(token_digest) = 32),
    -- What the account will be known by.
    account_id    uuid NOT NULL,
    email         text NOT NULL,
    display_name  text NOT NULL,
    -- PHC string of argon2id, with its own salt and cost.
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    -- Of the registration that asked for it.
    idempotency_key text NOT NULL,
    -- Kept until it expires: the link may be pressed twice.
    confirmed_at  timestamptz
);
CREATE INDEX pending_registrations_by_email ON pending_registrations (email);
CREATE INDEX pending_registrations_by_expiry ON pending_registrations (expires_at);

-- A key may have led to no account yet. Instances of the version before write one always.
ALTER TABLE registrations ALTER COLUMN account_id DROP NOT NULL;
