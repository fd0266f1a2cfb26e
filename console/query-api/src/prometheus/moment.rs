//! Times as Go writes them.

use chrono::{DateTime, SecondsFormat};

/// RFC 3339 in UTC; 0 is "never", for which Go has the first moment of the first year.
pub fn rfc3339(t_ms: i64) -> String {
    match DateTime::from_timestamp_millis(t_ms) {
        Some(at) if t_ms != 0 => at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        _ => "0001-01-01T00:00:00Z".to_owned(),
    }
}
