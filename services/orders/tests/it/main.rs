//! Orders on a real Postgres and Redis, with peers that fail on command.

mod access;
mod fixture;
mod outbox;
mod placing;
mod recovery;
