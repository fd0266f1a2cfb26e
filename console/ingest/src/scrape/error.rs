//! Why a scrape failed.

use std::time::Duration;

use http::StatusCode;

use super::{
    config::{UnreadableCredential, format_duration},
    exposition::SyntaxError,
};

/// Each message can stand alone beside the target's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScrapeError {
    #[error("no complete answer within scrape_timeout ({})", format_duration(*after))]
    Timeout { after: Duration },
    #[error("cannot reach the target: {0}")]
    Unreachable(String),
    #[error("the answer broke off: {0}")]
    Interrupted(String),
    #[error("the target answered with HTTP status {0}")]
    Status(StatusCode),
    #[error("the answer is larger than body_size_limit ({limit} bytes)")]
    BodyTooLarge { limit: usize },
    #[error("the answer cannot be decompressed: {0}")]
    Encoding(String),
    #[error(
        "the answer's Content-Type ({0:?}) is no format of metrics, and there is no fallback_scrape_protocol"
    )]
    ContentType(String),
    #[error("the answer is not a valid exposition: {0}")]
    Syntax(#[from] SyntaxError),
    #[error("{count} samples are more than sample_limit ({limit})")]
    SampleLimit { count: usize, limit: usize },
    #[error("a native histogram has more buckets than native_histogram_bucket_limit ({limit}): {series}")]
    BucketLimit { limit: usize, series: String },
    /// Names the limit, the series and the label.
    #[error("{0}")]
    LabelLimit(String),
    #[error("metric_relabel_configs leave a series without a metric name: {0}")]
    Nameless(String),
    /// Names the name, the scheme and the series.
    #[error("{0}")]
    InvalidName(String),
    #[error("cannot read the credentials in {0}")]
    Credentials(#[from] UnreadableCredential),
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    #[error("the credentials cannot be sent in a header")]
    UnsendableCredentials,
    #[error("the store refused the samples: {0}")]
    Store(String),
    #[error("the scrape could not be handled")]
    Internal,
}

impl ScrapeError {
    /// The value of the label `reason` in the metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Timeout { .. } => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Interrupted(_) => "interrupted",
            Self::Status(_) => "http_status",
            Self::BodyTooLarge { .. } => "too_large",
            Self::Encoding(_) => "corrupt_body",
            Self::ContentType(_) => "content_type",
            Self::Syntax(_) => "invalid",
            Self::SampleLimit { .. } => "sample_limit",
            Self::BucketLimit { .. } => "bucket_limit",
            Self::LabelLimit(_) => "label_limit",
            Self::Nameless(_) | Self::InvalidName(_) => "invalid_name",
            Self::Credentials(_) | Self::UnsendableCredentials => "credentials",
            Self::Tls(_) => "tls",
            Self::Store(_) => "storage",
            Self::Internal => "internal",
        }
    }
}
