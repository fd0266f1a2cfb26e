-- Alarms of others that were handed to Alertmanager, each as it was told last. Labels and annotations are JSON; the labels are
-- those that Alertmanager knows it by.
CREATE TABLE alarms (
    key TEXT PRIMARY KEY,
    changed_at_ms BIGINT NOT NULL,
    ends_at_ms BIGINT NOT NULL,
    labels TEXT NOT NULL,
    annotations TEXT NOT NULL
);
