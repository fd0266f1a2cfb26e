-- Which event became a mail. No address, no text: the stream has those, for as long as they are needed.
CREATE TABLE deliveries (
    event_id    uuid PRIMARY KEY,
    order_id    uuid NOT NULL,
    kind        text NOT NULL CONSTRAINT deliveries_kind_known
                CHECK (kind IN ('order_confirmed', 'order_declined', 'order_failed')),
    attempts    integer NOT NULL CONSTRAINT deliveries_attempts_positive CHECK (attempts > 0),
    -- Nobody else sends it before.
    lease_until timestamptz NOT NULL,
    sent_at     timestamptz,
    created_at  timestamptz NOT NULL
);
CREATE INDEX deliveries_by_age ON deliveries (created_at);
