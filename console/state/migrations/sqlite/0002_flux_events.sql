-- What Flux told, as JSON. Sent again, an event is the same row: Flux repeats what was not acknowledged.
CREATE TABLE flux_events (
    body_sha256 BLOB PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    event TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX flux_events_by_time ON flux_events (at_ms);
