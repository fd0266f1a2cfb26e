//! Alerting: evaluates Prometheus rules, routes alerts as Alertmanager does, and tells people.
//!
//! - [`rules`]: rule files, the state of alerts, recording rules;
//! - [`routing`]: the Alertmanager configuration;
//! - [`dispatch`]: grouping, inhibition, the notification log;
//! - [`notify`]: Slack, e-mail, webhooks;
//! - [`external`]: alerts that somebody else decides;
//! - [`evidence`]: the trace and the log line that go with an alert;
//! - [`engine`]: puts them together and answers `AlertsSource`.
//!
//! Must always hold: evaluation is never delayed by a slow source of evidence or by a slow receiver; a restart neither
//! forgets what was sent nor sends it again; every queue is bounded.

pub mod config;
pub mod dispatch;
pub mod duration;
pub mod engine;
pub mod error;
pub mod evidence;
pub mod external;
mod glob;
mod metrics;
pub mod notify;
pub mod routing;
pub mod rules;
mod source;
mod state;
mod yaml;

pub use config::EngineConfig;
pub use engine::{Deps, Engine, check};
pub use error::LoadError;
pub use external::{Condition, ExternalAlert, ExternalError};
