//! A bulk request: lines of JSON, an action each, most of them followed by a document ("Bulk API").

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    document::{self, Document},
    names,
};
use crate::{
    json,
    limits::IngestLimits,
    refusal::{Refusal, RefusalKind},
};

/// Longest line of an action.
const MAX_ACTION_BYTES: usize = 16 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Create,
    Index,
    Update,
    Delete,
}

impl Action {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "create" => Self::Create,
            "index" => Self::Index,
            "update" => Self::Update,
            "delete" => Self::Delete,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Index => "index",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Why one item is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub status: StatusCode,
    /// Elasticsearch's name for it.
    pub kind: &'static str,
    /// The value of the label `reason` in the metrics.
    pub reason: &'static str,
    pub message: String,
}

impl Fault {
    pub fn new(status: StatusCode, kind: &'static str, reason: &'static str, message: String) -> Self {
        Self { status, kind, reason, message }
    }
}

/// One action and what it would store.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub action: Action,
    pub index: String,
    pub id: Option<String>,
    pub document: Result<Document, Fault>,
}

impl Item {
    /// How the item is answered, stored or refused. `id` is one made for it.
    pub fn answer(&self, fault: Option<&Fault>, id: &str) -> Value {
        let id = self.id.as_deref().unwrap_or(id);
        let body = match fault {
            None => json!({
                "_index": self.index, "_id": id, "_version": 1, "result": "created",
                "_shards": {"total": 1, "successful": 1, "failed": 0}, "_seq_no": 0, "_primary_term": 1,
                "status": 201,
            }),
            Some(fault) => json!({
                "_index": self.index, "_id": id, "status": fault.status.as_u16(),
                "error": {"type": fault.kind, "reason": fault.message},
            }),
        };
        json!({self.action.as_str(): body})
    }
}

/// The items of a request, in its order. Errors name the line, counted from 1. `index` is the one of the path.
pub fn read(
    bytes: &[u8],
    index: Option<&str>,
    limits: &IngestLimits,
    now_ns: i64,
) -> Result<Vec<Item>, Refusal> {
    let mut out = Vec::new();
    let lines = bytes.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).zip(1usize..);
    let mut lines = lines.filter(|(line, _)| !line.is_empty());
    while let Some((line, number)) = lines.next() {
        if out.len() >= limits.max_items_per_request {
            return Err(too_many(limits.max_items_per_request));
        }
        let (action, target) = action(line, number)?;
        let mut item = Item {
            action,
            index: target.index.or_else(|| index.map(str::to_owned)).unwrap_or_default(),
            id: target.id,
            document: Err(refused_change(action)),
        };
        if action != Action::Delete {
            let (source, number) = lines.next().ok_or_else(|| {
                let what = action.as_str();
                malformed(format!("line {number}: the action {what} is not followed by a document"))
            })?;
            // Equal documents without a time, of one time, would be one.
            let now_ns = now_ns.saturating_add(out.len() as i64);
            item.document = stored(&item, source, number, limits, now_ns);
        }
        out.push(item);
    }
    if out.is_empty() {
        return Err(malformed("request body is required"));
    }
    Ok(out)
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::invalid("undecodable", message)
}

fn too_many(max: usize) -> Refusal {
    let message = format!("more items in one bulk request than max_items_per_request ({max})");
    Refusal { kind: RefusalKind::TooLarge, message, retry_after_s: None, reason: "too_many_items" }
}

/// Where an action goes.
struct Target {
    index: Option<String>,
    id: Option<String>,
}

fn action(line: &[u8], number: usize) -> Result<(Action, Target), Refusal> {
    let wrong = |what: &str| malformed(format!("Malformed action/metadata line [{number}], {what}"));
    if line.len() > MAX_ACTION_BYTES {
        return Err(wrong(&format!("{} bytes are more than {MAX_ACTION_BYTES}", line.len())));
    }
    let object: Map<String, Value> = json::decode(line, 4).map_err(|e| wrong(&e.message))?;
    let mut members = object.into_iter();
    let (Some((name, target)), None) = (members.next(), members.next()) else {
        return Err(wrong("expected one of create, index, update, delete and nothing else"));
    };
    let action = Action::named(&name).ok_or_else(|| {
        let shown: String = name.chars().take(32).collect();
        wrong(&format!("expected field [create], [delete], [index] or [update] but found [{shown}]"))
    })?;
    let Value::Object(mut target) = target else {
        return Err(wrong("expected an object after the action"));
    };
    let mut text = |name: &str| match target.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Number(n)) => Ok(Some(n.to_string())),
        Some(_) => Err(wrong(&format!("[{name}] is no text"))),
    };
    Ok((action, Target { index: text("_index")?, id: text("_id")? }))
}

/// The document that an action stores, or why it stores none.
fn stored(
    item: &Item,
    source: &[u8],
    number: usize,
    limits: &IngestLimits,
    now_ns: i64,
) -> Result<Document, Fault> {
    names::check(&item.index)?;
    let mut source: Map<String, Value> = json::decode(source, limits.max_json_depth).map_err(|e| {
        let message = format!("line {number}: {}", e.message);
        Fault::new(StatusCode::BAD_REQUEST, "document_parsing_exception", e.reason, message)
    })?;
    if item.action == Action::Update {
        let whole = source.get("doc_as_upsert") == Some(&Value::Bool(true));
        let document = source.remove(if whole { "doc" } else { "upsert" });
        let Some(Value::Object(document)) = document else { return Err(refused_change(Action::Update)) };
        source = document;
    }
    document::map(&source, &item.index, item.id.as_deref(), now_ns, limits)
        .map_err(|fault| Fault { message: format!("line {number}: {}", fault.message), ..fault })
}

fn refused_change(action: Action) -> Fault {
    let message = format!(
        "{} is refused: log entries are stored once and never changed (an update needs doc_as_upsert or upsert)",
        action.as_str()
    );
    Fault::new(StatusCode::NOT_FOUND, "document_missing_exception", "unchangeable", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Result<Vec<Item>, Refusal> {
        read(text.as_bytes(), Some("logs"), &IngestLimits::default(), 7)
    }

    #[test]
    fn every_action_is_read_in_order() {
        let text = concat!(
            "{\"create\":{}}\n{\"message\":\"a\"}\n",
            "{\"index\":{\"_index\":\"other\",\"_id\":\"9\",\"_type\":\"_doc\"}}\r\n{\"message\":\"b\"}\r\n\n",
            "{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{\"message\":\"c\"},\"doc_as_upsert\":true}\n",
            "{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{\"message\":\"d\"}}\n",
            "{\"delete\":{\"_id\":\"1\"}}\n",
            "{\"create\":{\"_index\":\"Bad\"}}\n{\"message\":\"e\"}\n",
            "{\"create\":{}}\n{\"message\":",
        );
        let found = items(text).unwrap();
        let lines: Vec<_> = found
            .iter()
            .map(|i| match &i.document {
                Ok(d) => format!("{} {} {}", i.action.as_str(), i.index, d.entry.line),
                Err(f) => format!("{} {} {}", i.action.as_str(), i.index, f.status.as_u16()),
            })
            .collect();
        let want = [
            "create logs a",
            "index other b",
            "update logs c",
            "update logs 404",
            "delete logs 404",
            "create Bad 400",
            "create logs 400",
        ];
        assert_eq!(lines, want);
        let fault = found[6].document.as_ref().unwrap_err();
        assert!(fault.message.starts_with("line 14: invalid JSON body"), "{}", fault.message);
    }

    #[test]
    fn a_request_that_cannot_be_read_on_is_refused_whole_with_the_line() {
        let cases = [
            ("", "request body is required"),
            ("{\"create\":{}}\n", "line 1: the action create is not followed"),
            ("{\"put\":{}}\n{}\n", "line [1], expected field [create]"),
            ("{\"create\":1}\n{}\n", "line [1], expected an object"),
            ("{\"create\":{},\"index\":{}}\n{}\n", "line [1], expected one of"),
            ("\n\n[]\n{}\n", "line [3], invalid JSON body"),
            ("{\"create\":{\"_id\":{}}}\n{}\n", "[_id] is no text"),
        ];
        for (text, want) in cases {
            let told = items(text).unwrap_err().message;
            assert!(told.contains(want), "{text:?}: {told}");
        }
    }

    #[test]
    fn more_items_than_the_limit_are_too_many() {
        let limits = IngestLimits { max_items_per_request: 2, ..IngestLimits::default() };
        let text = "{\"create\":{}}\n{}\n".repeat(3);
        let refusal = read(text.as_bytes(), Some("logs"), &limits, 7).unwrap_err();
        assert_eq!((refusal.kind, refusal.reason), (RefusalKind::TooLarge, "too_many_items"));
    }
}
