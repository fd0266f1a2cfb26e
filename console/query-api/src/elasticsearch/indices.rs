//! Indices: the stream label `index`, patterns of it, and their list.

use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use console_model::{clock, names::GoQuoted};
use serde_json::json;

use super::{
    Api,
    bounds::Bounds,
    envelope::{EsError, ok, with_product},
    predicate::Predicate,
    search::Reader,
};
use crate::params::Params;

/// The index of streams without the label.
pub const UNNAMED: &str = "logs";

const MAX_PATTERN_BYTES: usize = 4096;
const MAX_PATTERNS: usize = 64;

/// Which indices are asked: names with `*`, none of them excluded with `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    wanted: Vec<String>,
    excluded: Vec<String>,
}

impl Pattern {
    /// `a,b-*,-b-old`; nothing, `*` and `_all` are every index.
    pub fn parse(text: Option<&str>) -> Result<Self, EsError> {
        let text = text.unwrap_or("*");
        if text.len() > MAX_PATTERN_BYTES {
            return Err(EsError::argument(format!("index pattern is longer than {MAX_PATTERN_BYTES} bytes")));
        }
        let (mut wanted, mut excluded) = (Vec::new(), Vec::new());
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            match part.strip_prefix('-') {
                Some(name) if !wanted.is_empty() => excluded.push(name.to_owned()),
                _ if part == "_all" => wanted.push("*".to_owned()),
                _ if part.contains([':', '<', '>']) => {
                    let shown: String = part.chars().take(64).collect();
                    let what = "remote clusters and date math in names are not supported";
                    return Err(EsError::argument(format!("index [{shown}]: {what}")));
                }
                _ => wanted.push(part.to_owned()),
            }
        }
        if wanted.len() + excluded.len() > MAX_PATTERNS {
            return Err(EsError::argument(format!("more than {MAX_PATTERNS} indices in a request")));
        }
        if wanted.is_empty() {
            wanted.push("*".to_owned());
        }
        Ok(Self { wanted, excluded })
    }

    /// Selects the streams of these indices.
    pub fn selector(&self) -> String {
        let mut matchers = vec!["service_name=~\".+\"".to_owned()];
        if !self.wanted.iter().any(|w| w == "*") {
            matchers.push(format!("index=~{}", GoQuoted(&alternatives(&self.wanted))));
        }
        if !self.excluded.is_empty() {
            matchers.push(format!("index!~{}", GoQuoted(&alternatives(&self.excluded))));
        }
        format!("{{{}}}", matchers.join(","))
    }
}

/// A regular expression of names; an absent label is the unnamed index.
fn alternatives(names: &[String]) -> String {
    let mut parts: Vec<String> =
        names.iter().map(|name| name.split('*').map(regex::escape).collect::<Vec<_>>().join(".*")).collect();
    let is_unnamed = |name: &String| {
        let pattern = name.split('*').map(regex::escape).collect::<Vec<_>>().join(".*");
        regex::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|r| r.is_match(UNNAMED))
    };
    if names.iter().any(is_unnamed) {
        parts.push(String::new());
    }
    format!("(?:{})", parts.join("|"))
}

pub async fn list(State(api): State<Api>, query: RawQuery) -> Result<Response, EsError> {
    answer(&api, None, query).await
}

pub async fn list_some(
    State(api): State<Api>,
    Path(index): Path<String>,
    query: RawQuery,
) -> Result<Response, EsError> {
    answer(&api, Some(&index), query).await
}

/// Names with how many lines they have; as text in columns unless `format=json`.
async fn answer(api: &Api, index: Option<&str>, RawQuery(query): RawQuery) -> Result<Response, EsError> {
    let params = Params::parse(query.as_deref().unwrap_or_default());
    let range = Bounds::default().resolve(clock::now_ns(), api.limits.max_range_ms)?;
    let reader = Reader::new(api, &Pattern::parse(index)?, &Predicate::All, range)?;
    let counts = reader.counts_by("index").await?;
    let mut rows = std::collections::BTreeMap::new();
    for (name, count) in counts {
        let name = if name.is_empty() { UNNAMED.to_owned() } else { name };
        *rows.entry(name).or_insert(0u64) += count;
    }
    if params.get("format") == Some("json") {
        let rows = rows.iter().map(|(name, count)| {
            json!({"health": "green", "status": "open", "index": name, "uuid": name, "pri": "1", "rep": "0",
                "docs.count": count.to_string(), "docs.deleted": "0"})
        });
        return Ok(ok(rows.collect()));
    }
    let mut text = String::new();
    if params.get("v").is_some_and(|v| v != "false") {
        text.push_str("health status index pri rep docs.count docs.deleted\n");
    }
    for (name, count) in rows {
        text.push_str(&format!("green open {name} 1 0 {count} 0\n"));
    }
    let plain = [(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"))];
    Ok(with_product((plain, text).into_response()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_select_streams() {
        let selector = |text: Option<&str>| Pattern::parse(text).unwrap().selector();
        assert_eq!(selector(None), r#"{service_name=~".+"}"#);
        assert_eq!(selector(Some("_all")), r#"{service_name=~".+"}"#);
        assert_eq!(
            selector(Some("filebeat-*,app.1")),
            r#"{service_name=~".+",index=~"(?:filebeat\\-.*|app\\.1)"}"#
        );
        assert_eq!(selector(Some("logs*")), r#"{service_name=~".+",index=~"(?:logs.*|)"}"#);
        assert_eq!(selector(Some("*,-a")), r#"{service_name=~".+",index!~"(?:a)"}"#);
        assert!(Pattern::parse(Some("other:logs")).unwrap_err().reason.contains("other:logs"));
    }
}
