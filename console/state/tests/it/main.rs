//! The state on a real file, at times that the tests choose.

mod admin;
mod flux_events;
mod harness;
mod login;
mod open;
mod preferences;
mod sessions;
