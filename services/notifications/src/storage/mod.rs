//! Where it is remembered which event became a mail.

pub mod postgres;
