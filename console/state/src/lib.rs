//! What the console remembers beside telemetry: users, sessions, small preferences, and what Flux told, in one SQLite file.
//!
//! What holds: a password is kept as an argon2id hash, a session's token as its SHA-256; an unknown user costs a caller
//! the same time as a wrong password; wrong log-ins are slowed down by user and by address. Hashing runs off the
//! runtime, a few at once. The time is an argument, in milliseconds since the Unix epoch.
//!
//! Deliberately not here: cookies and HTTP (`console-server`), roles, a page to change a password.

mod admin;
mod config;
mod error;
mod flux_events;
mod hashing;
mod login;
mod password;
mod preferences;
mod sessions;
mod store;
mod throttle;

pub use admin::{AdminChange, MIN_PASSWORD_CHARS};
pub use config::StateConfig;
pub use error::{LoginError, OpenError, StateError};
pub use sessions::{NewSession, Session};
pub use store::State;
pub use throttle::ThrottleConfig;
