//! What is to be copied.

use std::path::PathBuf;

use crate::{ExportError, http::Endpoint};

const MAX_SELECTOR_BYTES: usize = 1900;

/// What is copied, from where to where. Times in nanoseconds since the Unix epoch, `start <= t < end`.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Serves Loki's and Tempo's query APIs.
    pub from: Endpoint,
    /// Takes Loki push; none: no lines are copied.
    pub logs_to: Option<Endpoint>,
    /// Takes OTLP/HTTP; none: no traces are copied.
    pub traces_to: Option<Endpoint>,
    pub start_ns: i64,
    pub end_ns: i64,
    /// Which streams.
    pub selector: String,
    /// Which traces, in TraceQL.
    pub search: String,
    /// Where the place of a copy is kept.
    pub journal: PathBuf,
}

impl Plan {
    pub(crate) fn check(&self) -> Result<(), ExportError> {
        let wrong = |option, reason: String| Err(ExportError::Option { option, reason });
        if self.logs_to.is_none() && self.traces_to.is_none() {
            return wrong("--logs-to", "neither it nor --traces-to says where to".to_owned());
        }
        if self.start_ns < 0 || self.start_ns >= self.end_ns {
            return wrong("--end", "must be later than --start, and both after 1970".to_owned());
        }
        for (option, is_asked, text) in [
            ("--logs", self.logs_to.is_some(), &self.selector),
            ("--traces", self.traces_to.is_some(), &self.search),
        ] {
            if is_asked && (text.trim().is_empty() || text.len() > MAX_SELECTOR_BYTES) {
                return wrong(option, format!("must have 1 to {MAX_SELECTOR_BYTES} bytes"));
            }
        }
        Ok(())
    }
}

/// A time as RFC 3339 or as seconds since the Unix epoch, in nanoseconds.
pub fn parse_time(text: &str) -> Result<i64, String> {
    let wrong =
        || format!("{text:?} is neither an RFC 3339 time, as 2026-11-30T08:00:00Z, nor seconds since 1970");
    if text.len() <= 12 && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<i64>().ok().and_then(|s| s.checked_mul(1_000_000_000)).ok_or_else(wrong);
    }
    let time = chrono::DateTime::parse_from_rfc3339(text).map_err(|_| wrong())?;
    time.timestamp_nanos_opt().ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_in_two_forms() {
        assert_eq!(parse_time("1970-01-01T00:00:01Z"), Ok(1_000_000_000));
        assert_eq!(parse_time("1970-01-01T01:00:01.5+01:00"), Ok(1_500_000_000));
        assert_eq!(parse_time("1764547200"), Ok(1_764_547_200_000_000_000));
        for wrong in ["", "yesterday", "-1", "99999999999999", "2026-11-30", "2999-01-01T00:00:00Z"] {
            assert!(parse_time(wrong).unwrap_err().contains("RFC 3339"), "{wrong}");
        }
    }
}
