-- What Flux told, as JSON. Sent again, an event is the same row: Flux repeats what was not acknowledged.
CREATE TABLE flux_events (
    body_sha256 BYTEA PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    event TEXT NOT NULL
);

CREATE INDEX flux_events_by_time ON flux_events (at_ms);
