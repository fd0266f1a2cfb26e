//! What the console says about itself.

use async_trait::async_trait;

/// One part of the console and how it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// `Metrics`, `Logs`, `Traces`, `Alerting`, ...
    pub name: String,
    /// `embedded`, or the remote backend's address.
    pub backend: String,
    /// Label and value, ready to show: (`series`, `12,034`).
    pub facts: Vec<(String, String)>,
}

/// A scrape target with its health.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeTarget {
    pub job: String,
    pub instance: String,
    pub url: String,
    pub is_up: bool,
    /// None before the first scrape.
    pub last_scrape_ms: Option<i64>,
    pub duration_ms: u64,
    pub last_error: Option<String>,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    pub version: String,
    pub started_at_ms: i64,
    pub components: Vec<Component>,
    pub targets: Vec<ScrapeTarget>,
    /// Why targets may be missing or old, with the job, or the object that declares one.
    pub discovery_problems: Vec<(String, String)>,
}

/// Implemented by the composition root.
#[async_trait]
pub trait AboutSource: Send + Sync {
    async fn about(&self) -> About;
}
