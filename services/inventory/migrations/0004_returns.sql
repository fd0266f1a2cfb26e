-- Pieces of a sale that went back on sale: never more than were reserved, once for each key.
ALTER TABLE reservation_lines ADD COLUMN returned integer NOT NULL DEFAULT 0;
ALTER TABLE reservation_lines ADD CONSTRAINT reservation_lines_returned
    CHECK (returned BETWEEN 0 AND quantity) NOT VALID;
ALTER TABLE reservation_lines VALIDATE CONSTRAINT reservation_lines_returned;

CREATE TABLE reservation_returns (
    reservation_id  uuid NOT NULL REFERENCES reservations (id),
    idempotency_key text NOT NULL,
    -- What was asked for, to tell a repeat from another request under the same key.
    request         jsonb NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (reservation_id, idempotency_key)
);
