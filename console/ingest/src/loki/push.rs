//! A push, decoded from protobuf (`logproto.PushRequest`) or JSON, and checked entry by entry.

use std::collections::BTreeMap;

use console_model::{
    Labels,
    log::{LogEntry, LogStream},
};
use prost::Message;
use serde::{Deserialize, Deserializer, de};

use super::labels;
use crate::{
    limits::IngestLimits,
    otlp::name::label_name,
    refusal::{Refusal, RefusalKind, Refused},
};

/// Loki: pkg/push/push.proto, `PushRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    pub streams: Vec<ProtoStream>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ProtoStream {
    #[prost(string, tag = "1")]
    pub labels: String,
    #[prost(message, repeated, tag = "2")]
    pub entries: Vec<ProtoEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ProtoEntry {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    pub line: String,
    #[prost(message, repeated, tag = "3")]
    pub structured_metadata: Vec<LabelPair>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, PartialEq, Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct LabelPair {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

/// The JSON form: `{"streams": [{"stream": {...}, "values": [["<ns>", "<line>", {...}]]}]}`.
#[derive(Deserialize)]
pub struct JsonPush {
    streams: Vec<JsonStream>,
}

#[derive(Deserialize)]
struct JsonStream {
    stream: BTreeMap<String, String>,
    values: Vec<JsonEntry>,
}

struct JsonEntry {
    t_ns: i64,
    line: String,
    metadata: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for JsonEntry {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = JsonEntry;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("[\"<timestamp in ns>\", \"<line>\", {metadata}]")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<JsonEntry, A::Error> {
                let missing = |n| de::Error::invalid_length(n, &self);
                let time: String = seq.next_element()?.ok_or_else(|| missing(0))?;
                let t_ns = time.parse().map_err(|_| {
                    let shown: String = time.chars().take(40).collect();
                    de::Error::custom(format!("timestamp {shown:?} is not a number of nanoseconds"))
                })?;
                let line = seq.next_element()?.ok_or_else(|| missing(1))?;
                let metadata = seq.next_element()?.unwrap_or_default();
                if seq.next_element::<de::IgnoredAny>()?.is_some() {
                    return Err(de::Error::custom("an entry has at most a timestamp, a line and metadata"));
                }
                Ok(JsonEntry { t_ns, line, metadata })
            }
        }
        d.deserialize_seq(Visitor)
    }
}

/// Streams of a push, and what was refused of it.
pub type Mapped = Result<(Vec<LogStream>, Refused), Refusal>;

pub fn from_proto(bytes: &[u8], limits: &IngestLimits) -> Mapped {
    let push = PushRequest::decode(bytes).map_err(|e| Refusal::invalid("undecodable", e.to_string()))?;
    check_total(push.streams.iter().map(|s| s.entries.len()).sum(), limits)?;
    let mut refused = Refused::default();
    let mut out = Vec::with_capacity(push.streams.len());
    for stream in push.streams {
        let labels = match labels::parse(&stream.labels, limits.max_labels) {
            Ok(labels) => labels,
            Err(message) => {
                refused.add(stream.entries.len() as u64, "invalid_labels", || message);
                continue;
            }
        };
        let mut entries = Vec::with_capacity(stream.entries.len());
        for entry in stream.entries {
            let Some(t_ns) = entry.timestamp.as_ref().and_then(nanoseconds) else {
                refused.add(1, "invalid_timestamp", || {
                    format!("entry of stream {labels} has no timestamp, or one that nanoseconds cannot count")
                });
                continue;
            };
            let pairs = entry.structured_metadata.into_iter().map(|p| (p.name, p.value));
            entries.push(LogEntry { t_ns, line: entry.line, metadata: metadata(pairs) });
        }
        push_stream(&mut out, labels, entries);
    }
    Ok((out, refused))
}

pub fn from_json(bytes: &[u8], limits: &IngestLimits) -> Mapped {
    let push: JsonPush = crate::json::decode(bytes, limits.max_json_depth)?;
    check_total(push.streams.iter().map(|s| s.values.len()).sum(), limits)?;
    let mut refused = Refused::default();
    let mut out = Vec::with_capacity(push.streams.len());
    for JsonStream { stream, values } in push.streams {
        let count = values.len() as u64;
        let max = limits.max_labels;
        if stream.len() > max {
            refused
                .add(count, "invalid_labels", || format!("a stream has more labels than max_labels ({max})"));
            continue;
        }
        if let Some(name) = stream.keys().find(|name| label_name(name) != **name || name.is_empty()) {
            refused.add(count, "invalid_labels", || format!("invalid label name {name:?}"));
            continue;
        }
        let entries = values
            .into_iter()
            .map(|e| LogEntry { t_ns: e.t_ns, line: e.line, metadata: metadata(e.metadata) })
            .collect();
        push_stream(&mut out, Labels::from_pairs(stream), entries);
    }
    Ok((out, refused))
}

fn push_stream(out: &mut Vec<LogStream>, labels: Labels, entries: Vec<LogEntry>) {
    if !entries.is_empty() {
        out.push(LogStream { labels, entries });
    }
}

/// Sorted by name, names made valid, the last of equal ones winning.
fn metadata(pairs: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let named = pairs.into_iter().filter(|(name, _)| !name.is_empty()).map(|(n, v)| (label_name(&n), v));
    named.collect::<BTreeMap<_, _>>().into_iter().collect()
}

fn nanoseconds(t: &Timestamp) -> Option<i64> {
    if !(0..1_000_000_000).contains(&t.nanos) {
        return None;
    }
    t.seconds.checked_mul(1_000_000_000)?.checked_add(t.nanos.into())
}

fn check_total(total: usize, limits: &IngestLimits) -> Result<(), Refusal> {
    let max = limits.max_items_per_request;
    if total <= max {
        return Ok(());
    }
    let message = format!("{total} lines in one push, more than max_items_per_request ({max})");
    Err(Refusal { kind: RefusalKind::TooLarge, message, retry_after_s: None, reason: "too_many_items" })
}
