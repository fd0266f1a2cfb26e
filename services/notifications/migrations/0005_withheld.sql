-- The mail of an event was not sent on purpose: its address had had enough of them. Such a delivery is over like one that
-- was sent (`sent_at` says when), also for instances of the version before.
ALTER TABLE deliveries ADD COLUMN withheld boolean NOT NULL DEFAULT false;
