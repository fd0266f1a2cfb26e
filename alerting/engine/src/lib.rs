//! `alerting-engine`.
