//! Alertmanager's configuration: loaded, checked as Alertmanager checks it, and turned into a route tree.
//!
//! Every documented field is known, so that a file which Alertmanager accepts is accepted here; integrations that this
//! engine cannot send through are listed by [`RoutingConfig::unsupported`], and the engine refuses to start with them.

pub mod config;
mod fields;
pub mod matcher;
pub mod receiver;
pub mod time_interval;
pub mod tree;

pub use config::RoutingConfig;
pub use matcher::{LabelMatcher, parse_matchers};
pub use receiver::{Integration, Receiver};
pub use time_interval::TimeInterval;
pub use tree::{GroupBy, Route, RouteId};
