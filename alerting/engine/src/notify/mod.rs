//! Telling people: one notice, composed for Slack, e-mail or a webhook, sent with retries.

mod deliver;
pub mod email;
pub mod http;
pub mod links;
pub mod notice;
pub mod secret;
pub mod slack;
pub mod template;
pub mod webhook;

pub use deliver::{Notifier, NotifierConfig};
pub use notice::Notice;

use crate::dispatch::SlackMessage;

/// What was sent, or would have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub title: String,
    pub payload: String,
}

/// How one attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    Delivered(Option<SlackMessage>),
    NotConfigured,
    /// Trying again may help; not before the given pause, if the other side named one.
    Retry {
        reason: String,
        after_ms: Option<u64>,
    },
    /// Trying again cannot help.
    GiveUp {
        reason: String,
    },
}
