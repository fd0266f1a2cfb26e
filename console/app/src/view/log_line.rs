//! One log line as people read it. The services log JSON objects, through Loki's push API (`tracing-loki`: message,
//! fields of event and spans, `_target`, ...) and on standard output; whatever else arrives is shown as it is.

use serde_json::Value;

/// How bad a line says it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
    #[default]
    Unknown,
}

impl Level {
    /// Most severe first.
    pub const ALL: [Self; 7] =
        [Self::Fatal, Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace, Self::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fatal => "fatal",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
            Self::Unknown => "unknown",
        }
    }

    /// Whatever case and whichever of the usual names.
    pub fn from_text(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "fatal" | "critical" | "crit" | "panic" | "emerg" | "emergency" | "alert" => Self::Fatal,
            "error" | "err" => Self::Error,
            "warn" | "warning" => Self::Warn,
            "info" | "information" | "notice" => Self::Info,
            "debug" => Self::Debug,
            "trace" => Self::Trace,
            _ => Self::Unknown,
        }
    }
}

/// A line taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogLine {
    pub message: String,
    /// The other members of a JSON object in their order, as text.
    pub fields: Vec<(String, String)>,
}

const MESSAGES: [&str; 4] = ["message", "msg", "_msg", "body"];
/// Fields that stand elsewhere in a row, or that say where in the code a line was written.
const QUIET: [&str; 12] = [
    "level",
    "severity",
    "timestamp",
    "time",
    "ts",
    "service",
    "service_name",
    "instance",
    "target",
    "span",
    "trace_id",
    "span_id",
];

impl LogLine {
    /// Never fails: what is no JSON object is a message.
    pub fn parse(line: &str) -> Self {
        let trimmed = line.trim_end();
        let parsed = trimmed.trim_start().starts_with('{').then(|| serde_json::from_str::<Value>(trimmed));
        let Some(Ok(Value::Object(mut members))) = parsed else {
            return Self { message: trimmed.to_owned(), fields: Vec::new() };
        };
        let key = MESSAGES.iter().find(|k| members.get(**k).is_some_and(|v| !v.is_null()));
        let message = key.and_then(|k| members.remove(*k)).map(|v| text(&v));
        let fields = members.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, text(&v))).collect();
        Self { message: message.unwrap_or_else(|| trimmed.to_owned()), fields }
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// What is worth a place in the row beside the message.
    pub fn telling(&self) -> impl Iterator<Item = (&str, &str)> {
        let loud = |name: &str| !name.starts_with('_') && !QUIET.contains(&name);
        self.fields
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .filter(move |(n, v)| loud(n) && !v.is_empty())
    }
}

/// A member as text: `["a","b"]` is `a › b`, objects stay JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" › ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shipped_line_has_message_and_fields() {
        let line = LogLine::parse(
            r#"{"message":"payment declined by provider","order":"7","attempt":2,"trace_id":"abc","_spans":["POST /pay","authorise"],"_target":"payments","_line":12,"gone":null}"#,
        );
        assert_eq!(line.message, "payment declined by provider");
        assert_eq!(line.field("trace_id"), Some("abc"));
        assert_eq!(line.field("_spans"), Some("POST /pay › authorise"));
        assert_eq!(line.field("gone"), None);
        let mut telling: Vec<_> = line.telling().collect();
        telling.sort_unstable();
        assert_eq!(telling, [("attempt", "2"), ("order", "7")]);
    }

    #[test]
    fn what_is_no_object_is_a_message() {
        for text in ["plain text", "{broken", "[1,2]", "\"quoted\"", "", "{\"a\": }"] {
            assert_eq!(LogLine::parse(text), LogLine { message: text.into(), fields: Vec::new() });
        }
    }

    #[test]
    fn an_object_without_message_is_shown_whole() {
        let line = LogLine::parse(r#"{"a":{"b":1}}"#);
        assert_eq!((line.message.as_str(), line.field("a")), (r#"{"a":{"b":1}}"#, Some(r#"{"b":1}"#)));
    }

    #[test]
    fn levels_have_many_names() {
        assert_eq!(Level::from_text("WARNING"), Level::Warn);
        assert_eq!(Level::from_text(" err "), Level::Error);
        assert_eq!(Level::from_text("7"), Level::Unknown);
        assert!(Level::ALL.iter().all(|l| Level::from_text(l.as_str()) == *l));
    }
}
