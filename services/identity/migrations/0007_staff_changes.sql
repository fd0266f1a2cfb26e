-- Members come and go. A name stays with what was done under it. Instances of the version before do not know of an end:
-- no password belongs to a member who is ended, and the sessions are gone.
ALTER TABLE staff
    ADD COLUMN ended_at        timestamptz,
    -- Of the request that added the member; nothing for the first.
    ADD COLUMN idempotency_key text;

-- Who changed what about whom; only added to.
CREATE TABLE staff_changes (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    username text NOT NULL REFERENCES staff (username),
    what     text NOT NULL CONSTRAINT staff_changes_what_known CHECK (what IN ('added', 'role', 'password', 'ended')),
    before   text NOT NULL,
    after    text NOT NULL
);
