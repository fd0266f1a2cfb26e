//! Pages, one module a page.

pub mod about;
pub mod alert;
pub mod alerts;
pub mod deploy;
pub mod deploys;
pub mod login;
pub mod logs;
pub mod metrics;
mod moment;
mod muted;
pub mod not_found;
pub mod overview;
pub mod query;
pub mod runbook;
pub mod runbooks;
mod sample;
mod severity;
mod slack;
pub mod traces;

#[cfg(test)]
mod testing;
