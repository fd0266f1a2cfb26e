//! Durations of configurations, in their words.

use std::time::Duration;

use console_model::duration::{DurationError, format_duration_ms, parse_duration_ms};

pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match parse_duration_ms(text) {
        Ok(ms) => Ok(Duration::from_millis(ms.unsigned_abs())),
        Err(DurationError::OutOfRange) => Err(format!("{text:?} is out of range")),
        Err(_) => Err(format!("not a valid duration: {text:?} (write it as 15s, 500ms or 1h30m)")),
    }
}

pub fn format_duration(duration: Duration) -> String {
    format_duration_ms(duration.as_millis() as i64)
}
