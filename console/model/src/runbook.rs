//! Runbooks and other pages of the knowledge base.

use serde::{Deserialize, Serialize};

/// A page as listed and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunbookEntry {
    /// Path below `runbooks/` without `.md`: `alerts/ServiceDown`.
    pub slug: String,
    pub title: String,
    /// Around the words that a search found; the first paragraph otherwise. Plain text.
    pub excerpt: String,
}

/// A rendered page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runbook {
    pub slug: String,
    pub title: String,
    /// Sanitised HTML.
    pub html: String,
    pub markdown: String,
}
