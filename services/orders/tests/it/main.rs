//! Orders on a real Postgres and Redis.
