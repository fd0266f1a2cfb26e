-- Wrong log-ins of a user (`user:NAME`) or from an address (`address:NETWORK`) within a window: consoles on one database
-- slow down together. A console with a file counts in memory, so SQLite has no migration of this number.
CREATE TABLE log_in_attempts (
    key TEXT PRIMARY KEY,
    start_ms BIGINT NOT NULL,
    wrong BIGINT NOT NULL
);

CREATE INDEX log_in_attempts_by_start ON log_in_attempts (start_ms);
