//! What the console remembers beside telemetry: users, sessions, small preferences, what Flux told, and alarms. One console
//! keeps it in an SQLite file; several share a Postgres ([`Place`]).
//!
//! What holds: a password is kept as an argon2id hash, a session's token as its SHA-256; an unknown user costs a caller
//! the same time as a wrong password; wrong log-ins are slowed down by user and by address. Hashing runs off the
//! runtime, a few at once. What one console wrote to a shared database is what the next one reads: a session that was opened
//! or ended on one is that on all at once. While Postgres is away or does not answer in time, a session that was seen within
//! [`StateConfig::remember_session_ms`] goes on as it was, on the console that saw it, and nobody logs in. The time is an
//! argument, in milliseconds since the Unix epoch.
//!
//! Deliberately not here: cookies and HTTP (`console-server`), roles, a page to change a password.

mod admin;
mod alarms;
mod config;
mod database;
mod error;
mod flux_events;
mod hashing;
mod login;
mod password;
mod postgres;
mod preferences;
mod recent;
mod sessions;
mod sqlite;
mod store;
mod throttle;

pub use admin::{AdminChange, MIN_PASSWORD_CHARS};
pub use alarms::Alarm;
pub use config::{Place, PostgresConfig, StateConfig};
pub use error::{LoginError, OpenError, StateError};
pub use postgres::check_address;
pub use sessions::{NewSession, Session};
pub use store::State;
pub use throttle::ThrottleConfig;
