//! A frame of a live tail: JSON as Loki's `/loki/api/v1/tail` sends it, taken apart into rows.

use std::collections::HashMap;

use serde::Deserialize;

use super::{
    log_line::{Level, LogLine},
    markup::shorten,
};

/// Characters of a message that a row shows.
pub const MESSAGE_CHARS: usize = 2_000;

/// One line, ready to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailRow {
    pub t_ns: i64,
    pub level: Level,
    pub service: String,
    pub message: String,
    /// `name=value` of fields worth showing.
    pub telling: String,
}

/// Rows of a frame, oldest first, and how many entries the server had to drop before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TailRows {
    pub rows: Vec<TailRow>,
    pub dropped: u64,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(default)]
    streams: Vec<FrameStream>,
    #[serde(default)]
    dropped_entries: Option<Vec<Dropped>>,
}

#[derive(Deserialize)]
struct FrameStream {
    stream: HashMap<String, String>,
    /// `[time in nanoseconds, line]`, from Loki also a third element with structured metadata.
    values: Vec<Vec<serde_json::Value>>,
}

/// Loki names each lost entry; the console's own server sums them up.
#[derive(Deserialize)]
struct Dropped {
    #[serde(default)]
    count: Option<u64>,
}

/// Reads one frame. Entries without a time and a line are skipped.
pub fn parse(text: &str) -> Result<TailRows, String> {
    let frame: Frame = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut rows: Vec<TailRow> = frame.streams.iter().flat_map(rows).collect();
    rows.sort_by_key(|r| r.t_ns);
    let dropped = frame.dropped_entries.unwrap_or_default().iter().map(|d| d.count.unwrap_or(1)).sum();
    Ok(TailRows { rows, dropped })
}

fn rows(stream: &FrameStream) -> impl Iterator<Item = TailRow> {
    stream.values.iter().filter_map(|value| {
        let t_ns = value.first()?.as_str()?.parse().ok()?;
        Some(row(t_ns, &stream.stream, value.get(1)?.as_str()?))
    })
}

fn row(t_ns: i64, labels: &HashMap<String, String>, line: &str) -> TailRow {
    let parsed = LogLine::parse(line);
    let label = |name: &str| labels.get(name).map(String::as_str);
    let level = label("level").or_else(|| label("detected_level")).or_else(|| parsed.field("level"));
    let service = label("service_name").or_else(|| label("service")).or_else(|| parsed.field("service"));
    TailRow {
        t_ns,
        level: level.map(Level::from_text).unwrap_or_default(),
        service: service.unwrap_or_default().to_owned(),
        telling: telling(&parsed),
        message: shorten(&parsed.message, MESSAGE_CHARS),
    }
}

/// `order=7 attempt=2`, bounded.
pub fn telling(line: &LogLine) -> String {
    let words: Vec<String> =
        line.telling().take(12).map(|(n, v)| format!("{n}={}", shorten(v, 120))).collect();
    words.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_order_of_time_with_level_and_service() {
        let text = r#"{"streams":[
            {"stream":{"service_name":"orders","level":"warn"},"values":[["20","{\"message\":\"late\",\"order\":\"7\"}"],["x","no time"]]},
            {"stream":{},"values":[["10","plain",{"a":"b"}],["11"]]}]}"#;
        let got = parse(text).unwrap();
        assert_eq!(got.dropped, 0);
        let seen: Vec<_> =
            got.rows.iter().map(|r| (r.t_ns, r.service.as_str(), r.message.as_str(), r.level)).collect();
        assert_eq!(seen, [(10, "", "plain", Level::Unknown), (20, "orders", "late", Level::Warn)]);
        assert_eq!(got.rows[1].telling, "order=7");
    }

    #[test]
    fn drops_are_summed_whether_counted_or_named() {
        let text =
            r#"{"streams":[],"dropped_entries":[{"labels":{},"count":5},{"labels":{},"timestamp":"1"}]}"#;
        assert_eq!(parse(text).unwrap(), TailRows { rows: Vec::new(), dropped: 6 });
        assert_eq!(parse(r#"{"streams":[],"dropped_entries":null}"#).unwrap(), TailRows::default());
        assert!(parse("not json").is_err());
    }
}
