//! The state in a real file and in a real Postgres, at times that the tests choose.

mod admin;
mod alarms;
mod away;
mod busy;
mod flux_events;
mod harness;
mod login;
mod open;
mod preferences;
mod sessions;
mod shared;
