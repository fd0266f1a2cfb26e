-- As the SQLite file of the same number: names differ by more than the case of ASCII letters.
CREATE TABLE users (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE GENERATED ALWAYS AS (lower(name COLLATE "C")) STORED,
    password_hash TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

-- The token itself is never stored.
CREATE TABLE sessions (
    token_sha256 BYTEA PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);

CREATE INDEX sessions_by_expiry ON sessions (expires_ms);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE preferences (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (user_id, name)
);
