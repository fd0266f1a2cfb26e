//! One message as a log entry.
//!
//! Stream labels: `service_name` (the application), `host_name`, `level` (from the severity), `source="syslog"`. The line is
//! the message; facility, severity, process, message id and structured data (`sd_ID_NAME`) are structured metadata.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};
use console_model::{Labels, log::LogEntry};

use crate::{
    level,
    limits::IngestLimits,
    otlp::{name::label_name, resource::UNKNOWN_SERVICE, value::ItemError},
};

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
/// Longest host, application, process and message id that are taken for one (RFC 5424, section 6).
const MAX_NAME_BYTES: usize = 255;

/// What a message says, its parts still text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts<'a> {
    t_ns: Option<i64>,
    host: &'a str,
    application: &'a str,
    process: &'a str,
    message_id: &'a str,
    data: Vec<(String, String)>,
    message: &'a str,
}

/// Reads a message. `now_ns` is the time of one without, and says which year a date without year is of.
pub fn map(bytes: &[u8], limits: &IngestLimits, now_ns: i64) -> Result<(Labels, LogEntry), ItemError> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches(['\n', '\r', '\0']);
    let (priority, rest) = priority(text)?;
    let parts = match rest.strip_prefix("1 ") {
        Some(rest) => modern(rest, limits)?,
        None => legacy(rest, now_ns),
    };
    let (facility, severity) = (priority / 8, priority % 8);
    let name = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty() && t != "-");
    let labels = [
        ("source", Some("syslog".to_owned())),
        ("service_name", Some(name(parts.application).unwrap_or_else(|| UNKNOWN_SERVICE.to_owned()))),
        ("host_name", name(parts.host)),
        ("level", Some(level::of_syslog(severity).to_owned())),
    ];
    let mut metadata: BTreeMap<String, String> = parts.data.into_iter().collect();
    let named = [
        ("syslog_facility", FACILITIES.get(usize::from(facility)).map(|f| (*f).to_owned())),
        ("syslog_severity", SEVERITIES.get(usize::from(severity)).map(|s| (*s).to_owned())),
        ("syslog_procid", name(parts.process)),
        ("syslog_msgid", name(parts.message_id)),
    ];
    metadata.extend(named.into_iter().filter_map(|(n, v)| Some((n.to_owned(), v?))));
    let labels = Labels::from_pairs(labels.into_iter().filter_map(|(n, v)| Some((n, v?))));
    let line = parts.message.trim_start_matches('\u{feff}').to_owned();
    let t_ns = parts.t_ns.unwrap_or(now_ns);
    Ok((labels, LogEntry { t_ns, line, metadata: metadata.into_iter().collect() }))
}

/// `<34>`: eight times the facility, and the severity.
fn priority(text: &str) -> Result<(u8, &str), ItemError> {
    let wrong = || {
        let shown: String = text.chars().take(32).collect();
        ItemError::new("invalid_priority", format!("message {shown:?} does not begin with <0> to <191>"))
    };
    let (digits, rest) = text.strip_prefix('<').and_then(|t| t.split_once('>')).ok_or_else(wrong)?;
    let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let priority = digits.parse::<u8>().ok().filter(|p| is_number && *p <= 191).ok_or_else(wrong)?;
    Ok((priority, rest))
}

/// RFC 5424, section 6, after the version.
fn modern<'a>(text: &'a str, limits: &IngestLimits) -> Result<Parts<'a>, ItemError> {
    let mut rest = text;
    let mut header = [""; 5];
    for (part, name) in header.iter_mut().zip(["TIMESTAMP", "HOSTNAME", "APP-NAME", "PROCID", "MSGID"]) {
        let (word, after) = rest.split_once(' ').ok_or_else(|| {
            ItemError::new("invalid_header", format!("message ends before its {name} does"))
        })?;
        if word.len() > MAX_NAME_BYTES {
            let message = format!("{name} has {} bytes, more than {MAX_NAME_BYTES}", word.len());
            return Err(ItemError::new("invalid_header", message));
        }
        (*part, rest) = (word, after);
    }
    let [time, host, application, process, message_id] = header;
    let t_ns = match time {
        "-" => None,
        time => {
            let parsed = DateTime::parse_from_rfc3339(time).ok().and_then(|t| t.timestamp_nanos_opt());
            let shown: String = time.chars().take(64).collect();
            Some(parsed.ok_or_else(|| {
                ItemError::new("invalid_timestamp", format!("TIMESTAMP {shown:?} is no time of RFC 3339"))
            })?)
        }
    };
    let (data, message) = structured(rest, limits.max_attributes)?;
    Ok(Parts { t_ns, host, application, process, message_id, data, message })
}

/// `-`, or `[id name="value" …]…` with `\"`, `\\` and `\]` in values; then a blank and the message.
fn structured(text: &str, max: usize) -> Result<(Vec<(String, String)>, &str), ItemError> {
    let wrong = |what: &str| ItemError::new("invalid_structured_data", format!("structured data: {what}"));
    let after = |rest: &'_ str| rest.len() - rest.strip_prefix(' ').map_or(rest.len(), str::len);
    if let Some(rest) = text.strip_prefix('-') {
        return Ok((Vec::new(), &rest[after(rest)..]));
    }
    let mut out = Vec::new();
    let mut rest = text;
    if !rest.starts_with('[') {
        return Err(wrong("expected '-' or '['"));
    }
    while let Some(element) = rest.strip_prefix('[') {
        let end = element.find([' ', ']']).ok_or_else(|| wrong("an element that does not end"))?;
        let id = &element[..end];
        if id.is_empty() || id.len() > MAX_NAME_BYTES {
            return Err(wrong("an element without an id, or with a long one"));
        }
        rest = &element[end..];
        loop {
            rest = rest.trim_start_matches(' ');
            if let Some(next) = rest.strip_prefix(']') {
                rest = next;
                break;
            }
            let (name, value) =
                rest.split_once("=\"").ok_or_else(|| wrong("expected NAME=\"VALUE\" or ']'"))?;
            if name.is_empty() || name.len() > MAX_NAME_BYTES {
                return Err(wrong("a parameter without a name, or with a long one"));
            }
            let (value, next) = quoted(value).ok_or_else(|| wrong("a value that does not end"))?;
            if out.len() >= max {
                return Err(ItemError::new(
                    "too_many_attributes",
                    format!("structured data has more parameters than max_attributes ({max})"),
                ));
            }
            out.push((label_name(&format!("sd_{id}_{name}")), value));
            rest = next;
        }
    }
    Ok((out, &rest[after(rest)..]))
}

/// Up to the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                escaped @ ('"' | '\\' | ']') => out.push(escaped),
                other => out.extend(['\\', other]),
            },
            other => out.push(other),
        }
    }
    None
}

/// `Oct 11 22:14:15 host app[123]: text`, each part of which may be absent (RFC 3164, section 4.3.3). What cannot be read
/// as a header is the message.
fn legacy(text: &str, now_ns: i64) -> Parts<'_> {
    let mut out = Parts::default();
    let rest = match time(text, now_ns) {
        Some((t_ns, rest)) => {
            out.t_ns = Some(t_ns);
            rest
        }
        None => text,
    };
    let mut rest = rest.trim_start_matches(' ');
    if out.t_ns.is_some()
        && let Some((host, after)) = rest.split_once(' ')
        && is_host(host)
    {
        (out.host, rest) = (host, after.trim_start_matches(' '));
    }
    // A tag ends in a colon, with a process in brackets before it or not.
    let end = rest.find([':', '[', ' ']).unwrap_or(rest.len());
    let (tag, after) = rest.split_at(end);
    if !tag.is_empty() && tag.len() <= MAX_NAME_BYTES {
        if let Some(message) = after.strip_prefix(':') {
            (out.application, rest) = (tag, message);
        } else if let Some((process, message)) = after.strip_prefix('[').and_then(|a| a.split_once(']'))
            && process.len() <= MAX_NAME_BYTES
            && let Some(message) = message.strip_prefix(':').or_else(|| message.strip_prefix(' '))
        {
            (out.application, out.process, rest) = (tag, process, message);
        }
    }
    out.message = rest.strip_prefix(' ').unwrap_or(rest);
    out
}

/// A host's name has no colon, which would make it a tag; an address of IPv6 has several.
fn is_host(word: &str) -> bool {
    let is_address = word.parse::<std::net::Ipv6Addr>().is_ok();
    word.len() <= MAX_NAME_BYTES && !word.is_empty() && (is_address || !word.contains([':', '[']))
}

/// The date of RFC 3164, in UTC and in the year that is nearest to now; or one of RFC 3339, as rsyslog writes it.
fn time(text: &str, now_ns: i64) -> Option<(i64, &str)> {
    if let Some((word, rest)) = text.split_once(' ')
        && let Ok(t) = DateTime::parse_from_rfc3339(word)
    {
        return Some((t.timestamp_nanos_opt()?, rest));
    }
    let date = text.get(..15)?;
    let rest = &text[15..];
    let now = DateTime::from_timestamp_nanos(now_ns);
    let in_year = |year: i32| {
        let t = NaiveDateTime::parse_from_str(&format!("{year} {date}"), "%Y %b %e %H:%M:%S").ok()?;
        t.and_utc().timestamp_nanos_opt()
    };
    let years = [now.year() - 1, now.year(), now.year() + 1];
    let years = years.into_iter().filter(|y| NaiveDate::from_ymd_opt(*y, 1, 1).is_some());
    let t_ns = years.filter_map(in_year).min_by_key(|t| t.abs_diff(now_ns))?;
    Some((t_ns, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:30Z
    const NOW: i64 = 1_767_225_630_000_000_000;

    fn of(text: &str) -> Result<(String, LogEntry), String> {
        let (labels, entry) = map(text.as_bytes(), &IngestLimits::default(), NOW).map_err(|e| e.message)?;
        Ok((labels.to_string(), entry))
    }

    fn shown(entry: &LogEntry) -> Vec<String> {
        entry.metadata.iter().map(|(k, v)| format!("{k}={v}")).collect()
    }

    #[test]
    fn a_message_of_rfc_5424_has_all_its_parts() {
        let text = "<165>1 2026-01-01T00:00:15.003Z mymachine.example.com evntslog 77 ID47 \
                    [exampleSDID@32473 iut=\"3\" eventSource=\"App \\\"x\\]\"][b] \u{feff}An event";
        let (labels, entry) = of(text).unwrap();
        let want =
            r#"{host_name="mymachine.example.com", level="info", service_name="evntslog", source="syslog"}"#;
        assert_eq!((&*labels, &*entry.line, entry.t_ns), (want, "An event", 1_767_225_615_003_000_000));
        let want = [
            "sd_exampleSDID_32473_eventSource=App \"x]",
            "sd_exampleSDID_32473_iut=3",
            "syslog_facility=local4",
            "syslog_msgid=ID47",
            "syslog_procid=77",
            "syslog_severity=notice",
        ];
        assert_eq!(shown(&entry), want);
        let (labels, entry) = of("<34>1 - - - - - -").unwrap();
        assert_eq!(labels, r#"{level="fatal", service_name="unknown_service", source="syslog"}"#);
        assert_eq!((&*entry.line, entry.t_ns), ("", NOW));
    }

    #[test]
    fn what_rfc_3164_describes_is_read_as_far_as_it_is_there() {
        let (labels, entry) = of("<34>Dec 31 23:59:58 mymachine su[12]: 'su root' failed").unwrap();
        let want = r#"{host_name="mymachine", level="fatal", service_name="su", source="syslog"}"#;
        assert_eq!((&*labels, &*entry.line), (want, "'su root' failed"));
        assert_eq!(entry.t_ns, NOW - 32_000_000_000, "of the year before");
        assert_eq!(shown(&entry)[1], "syslog_procid=12");
        let cases = [
            ("<13>Jan  1 00:00:01 h app: x y", "app", "h", "x y"),
            ("<13>2026-01-01T00:00:01+00:00 h app[1]: x", "app", "h", "x"),
            ("<13>app: text", "app", "", "text"),
            ("<13>just words here", "unknown_service", "", "just words here"),
            ("<13>Jan  1 00:00:01 fe80::1 app: x", "app", "fe80::1", "x"),
            ("<13>", "unknown_service", "", ""),
        ];
        for (text, service, host, line) in cases {
            let (labels, entry) = map(text.as_bytes(), &IngestLimits::default(), NOW).unwrap();
            let got =
                (labels.get("service_name").unwrap(), labels.get("host_name").unwrap_or(""), &*entry.line);
            assert_eq!(got, (service, host, line), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_message_is_said() {
        let cases = [
            ("no priority", "does not begin with <0> to <191>"),
            ("<192>x", "does not begin with <0> to <191>"),
            ("<+1>x", "does not begin with <0> to <191>"),
            ("<1>1 x", "ends before its TIMESTAMP does"),
            ("<1>1 soon h a p m - x", "TIMESTAMP \"soon\""),
            ("<1>1 - h a p m x", "expected '-' or '['"),
            ("<1>1 - h a p m [a b=\"c", "a value that does not end"),
            ("<1>1 - h a p m [a b]", "expected NAME=\"VALUE\""),
            ("<1>1 - h a p m [", "an element that does not end"),
        ];
        for (text, want) in cases {
            let told = of(text).unwrap_err();
            assert!(told.contains(want), "{text}: {told}");
        }
    }
}
