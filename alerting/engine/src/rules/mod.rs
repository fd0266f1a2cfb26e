//! Rules: files, evaluation, and the state of alerts, with Prometheus' semantics (rules/alerting.go, rules/group.go).

pub mod alerting;
pub mod expand;
pub mod file;
pub mod group;
pub mod restore;

pub use alerting::{ActiveAlert, AlertRule};
pub use file::{GroupSpec, NameValidation, RuleKind, RuleSpec};
pub use group::RuleGroup;
