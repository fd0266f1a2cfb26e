//! The service's own metrics and faults.

use prometheus::{Gauge, IntCounter, IntCounterVec};
use shop_instrumentation::faults::FaultSpec;
use shop_instrumentation::metrics::{MetricError, Metrics};
use shop_instrumentation::outbox::OutboxMetrics;

/// Registering and logging in fail with an internal error while it is on.
pub const ERRORS: &str = "identity.errors";
/// Registering and logging in take longer while it is on.
pub const LATENCY: &str = "identity.latency";
/// The relay sends no events while it is on: mails about accounts wait.
pub const QUEUE_STUCK: &str = "identity.queue_stuck";

/// What can be switched on here.
pub const FAULTS: &[FaultSpec] = &[
    FaultSpec { name: ERRORS, description: "registering and logging in fail with an internal error" },
    FaultSpec { name: LATENCY, description: "registering and logging in take a second longer" },
    FaultSpec { name: QUEUE_STUCK, description: "events stay in the outbox; mails about accounts wait" },
];

/// Metrics of this service.
#[derive(Clone)]
pub struct IdentityMetrics {
    /// By outcome: `success`, `invalid`, `throttled`.
    pub login_attempts: IntCounterVec,
    pub registrations: IntCounter,
    /// By outcome: `created`, `existing`, `throttled`.
    pub registration_attempts: IntCounterVec,
    /// By outcome: `requested`, `throttled`, `confirmed`, `refused`.
    pub password_resets: IntCounterVec,
    /// By outcome: `success`, `invalid`, `throttled`.
    pub staff_login_attempts: IntCounterVec,
    /// Age of the oldest deleted account whose orders still name a person.
    pub deletion_lag_seconds: Gauge,
    /// Of the relay.
    pub outbox: OutboxMetrics,
}

impl IdentityMetrics {
    pub fn new(metrics: &Metrics) -> Result<Self, MetricError> {
        Ok(Self {
            login_attempts: metrics.counter_vec("shop_login_attempts_total")?,
            registrations: metrics.counter("shop_registrations_total")?,
            registration_attempts: metrics.counter_vec("shop_registration_attempts_total")?,
            password_resets: metrics.counter_vec("shop_password_resets_total")?,
            staff_login_attempts: metrics.counter_vec("shop_staff_login_attempts_total")?,
            deletion_lag_seconds: metrics.gauge("shop_account_deletion_lag_seconds")?,
            outbox: OutboxMetrics::new(metrics)?,
        })
    }
}
