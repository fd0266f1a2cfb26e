//! `alerting-template`.
