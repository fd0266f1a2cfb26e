//! The level of a log line, in the few words that are a stream label.

/// What a source calls a level, as one of `trace`, `debug`, `info`, `warn`, `error`, `fatal`; `unknown` for anything else.
pub fn named(text: &str) -> &'static str {
    match text.trim().to_ascii_lowercase().as_str() {
        "trace" => "trace",
        "debug" => "debug",
        "info" | "information" | "informational" | "notice" => "info",
        "warn" | "warning" => "warn",
        "error" | "err" => "error",
        "fatal" | "critical" | "crit" | "alert" | "emergency" | "emerg" | "panic" => "fatal",
        _ => "unknown",
    }
}

/// From a severity of syslog (RFC 5424, section 6.2.1, table 2): 0 is the worst.
pub fn of_syslog(severity: u8) -> &'static str {
    match severity {
        0..=2 => "fatal",
        3 => "error",
        4 => "warn",
        5 | 6 => "info",
        _ => "debug",
    }
}
