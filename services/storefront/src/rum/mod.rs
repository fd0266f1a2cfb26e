//! Real-user telemetry: how pages loaded and what failed in browsers, joined with the traces of the pages.
//!
//! A page that is served carries a *view mark* in its `Server-Timing` header: the span that made it, its kind, when, and
//! whether the edge may keep it, under our signature. The script hands the mark back with what it measured. So a browser
//! can only tell about spans and kinds that we named, and not for long. Numbers it may make up: they are bounded, and so
//! is how many of them come.

mod kind;
mod limits;
mod mark;
mod record;
mod report;
mod scrub;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use shop_instrumentation::config::Env;
use shop_instrumentation::metrics::{MetricError, Metrics};
use shop_instrumentation::telemetry::remote::SpanIdentity;

pub use self::kind::PageKind;
use self::limits::Limits;
pub use self::mark::{MAX_AGE, Refused as MarkRefused, Scope, ViewMark};
use self::record::Recorder;
pub use self::report::{MOST_BYTES, Report};
use crate::keyring::Keyring;

/// The header in which the mark travels; browsers show it to the page's scripts.
pub const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What takes reports.
pub struct Rum {
    sample_percent: u8,
    limits: Limits,
    recorder: Recorder,
}

/// Why a report is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The reader does not want to be measured.
    #[error("the browser asks not to be tracked")]
    OptedOut,
    /// Not sent by a page of ours.
    #[error("not sent by a page of this shop")]
    Foreign,
    /// Too many; how many seconds to wait.
    #[error("too many reports")]
    TooMany(u64),
    /// The body is too large.
    #[error("the body is larger than {MOST_BYTES} bytes")]
    TooLarge,
    /// The body cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// The mark is not ours, or too old.
    #[error(transparent)]
    Mark(#[from] MarkRefused),
}

impl Refusal {
    /// As a label.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::Foreign => "foreign",
            Self::TooMany(_) => "rate_limited",
            Self::TooLarge | Self::Malformed(_) => "malformed",
            Self::Mark(MarkRefused::Forged) => "forged",
            Self::Mark(MarkRefused::Expired) => "expired",
        }
    }
}

impl Rum {
    /// Reads `RUM_SAMPLE_PERCENT`: of so many page views out of a hundred is told, 0 to 100.
    pub fn from_env(env: &mut Env, metrics: &Metrics) -> Result<Self, MetricError> {
        let sample_percent: u8 = env.optional("RUM_SAMPLE_PERCENT", 100);
        if sample_percent > 100 {
            env.note("RUM_SAMPLE_PERCENT must be 0 to 100");
        }
        Ok(Self { sample_percent, limits: Limits::default(), recorder: Recorder::new(metrics)? })
    }

    /// The header of a page of this kind, made by `span` at `now` (Unix seconds); nothing when nobody is measured.
    pub fn header(
        &self,
        keys: &Keyring,
        span: SpanIdentity,
        page: PageKind,
        scope: Scope,
        now: i64,
    ) -> Option<HeaderValue> {
        if self.sample_percent == 0 {
            return None;
        }
        let mark = ViewMark { span, page, scope, issued_at: now }.sign(keys);
        HeaderValue::try_from(format!("view;desc=\"{mark}\", sample;desc=\"{}\"", self.sample_percent)).ok()
    }

    /// Counts a report that came from `client`, before it is read.
    pub fn admit(&self, client: &str) -> Result<(), Refusal> {
        self.limits.admit(client).map_err(Refusal::TooMany)
    }

    /// Takes a report at `now` (Unix seconds).
    pub fn take(&self, keys: &Keyring, body: &[u8], now: i64) -> Result<(), Refusal> {
        let report = Report::parse(body)?;
        let mark = ViewMark::verify(keys, &report.view, now)?;
        if mark.scope == Scope::Own {
            self.limits.count_view(&report.view).map_err(Refusal::TooMany)?;
        }
        self.recorder.record(&mark, &report);
        Ok(())
    }

    /// Counts how a report was answered.
    pub fn answered(&self, outcome: &'static str) {
        self.recorder.answered(outcome);
    }
}

/// Whether the reader's browser says that it does not want to be measured.
pub fn is_opted_out(headers: &HeaderMap) -> bool {
    ["sec-gpc", "dnt"].iter().any(|name| headers.get(*name).is_some_and(|value| value.as_bytes() == b"1"))
}
