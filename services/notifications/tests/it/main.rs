//! Notifications on a real Postgres and Redis.

mod consuming;
mod crashes;
mod disk_full;
mod leases;
mod mailing;
mod observing;
mod openapi;
mod poison;
mod quota;
mod smtp_server;
mod sql;
mod stage;
