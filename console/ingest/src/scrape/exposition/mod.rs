//! The text formats in which targets show their metrics: Prometheus text 0.0.4 and OpenMetrics text 1.0.
//!
//! Both parsers walk the text once and copy nothing: entries borrow from it. An error has line and column; what was
//! visited before it is for the caller to forget.

mod cursor;
mod entry;
mod openmetrics;
mod prometheus;

pub use entry::{Entry, ExemplarText, LabelText, Sample, SyntaxError};

/// Which format an answer is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Prometheus,
    OpenMetrics,
}

impl Format {
    /// From `Content-Type`. Whatever is not OpenMetrics is read as the older format, which is what targets send that
    /// do not say what they send.
    pub fn of(content_type: &str) -> Self {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        if media.eq_ignore_ascii_case("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }
}

/// Shows each entry of `bytes` to `visit`, in order, up to the first error.
pub fn parse<'a, E: From<SyntaxError>>(
    format: Format,
    bytes: &'a [u8],
    visit: impl FnMut(Entry<'a, '_>) -> Result<(), E>,
) -> Result<(), E> {
    let text = std::str::from_utf8(bytes).map_err(|e| SyntaxError::not_utf8(bytes, e.valid_up_to()))?;
    match format {
        Format::Prometheus => prometheus::parse(text, visit),
        Format::OpenMetrics => openmetrics::parse(text, visit),
    }
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
pub fn is_metric_name(name: &str) -> bool {
    !name.is_empty() && cursor::metric_name_length(name) == name.len()
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
pub fn is_label_name(name: &str) -> bool {
    is_metric_name(name) && !name.contains(':')
}
