//! Notifications on a real Postgres and Redis.

mod consuming;
mod crashes;
mod mailing;
mod observing;
mod poison;
mod smtp_server;
mod stage;
