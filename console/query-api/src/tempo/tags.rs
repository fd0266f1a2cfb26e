//! What can be searched for: names of attributes and their values.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
};
use console_model::span::AttributeValue;
use console_storage::{
    trace_query::{Tag, TagQuery},
    traces::AttributeScope,
};
use serde_json::{Value, json};

use super::{
    Api,
    envelope::TempoError,
    search::{bounded, cost},
    times,
};
use crate::params::Params;

const MAX_TAGS: usize = 1000;
const SCOPES: [(AttributeScope, &str); 6] = [
    (AttributeScope::Span, "span"),
    (AttributeScope::Resource, "resource"),
    (AttributeScope::Event, "event"),
    (AttributeScope::Link, "link"),
    (AttributeScope::Instrumentation, "instrumentation"),
    (AttributeScope::Intrinsic, "intrinsic"),
];
/// Intrinsics that have no scope in their names.
const INTRINSICS: [&str; 9] = [
    "duration",
    "kind",
    "name",
    "rootName",
    "rootServiceName",
    "status",
    "statusMessage",
    "traceDuration",
    "childCount",
];

fn tag_query(api: &Api, params: &Params) -> Result<TagQuery, TempoError> {
    Ok(TagQuery {
        matching: params.non_empty("q").map(|q| bounded(api, "q", q)).transpose()?,
        range: times::range(api, params)?,
        limit: times::count(params, "limit", MAX_TAGS, MAX_TAGS)?,
    })
}

/// By scope, in a fixed order. `scope` asks for one; without it, scopes without names are left out.
async fn names(
    api: &Api,
    raw: Option<&str>,
) -> Result<Vec<(AttributeScope, &'static str, Vec<String>)>, TempoError> {
    let params = Params::parse(raw.unwrap_or_default());
    let wanted = params.non_empty("scope").filter(|s| *s != "all" && *s != "none");
    if let Some(unknown) = wanted.filter(|w| !SCOPES.iter().any(|(_, name)| name == w)) {
        return Err(TempoError::bad_request(format!(
            "invalid scope: {unknown:?} is none of span, resource, event, link, instrumentation, intrinsic"
        )));
    }
    let tags = tag_query(api, &params)?;
    let names = api.source.tag_names_of(&tags).await?;
    let of_scope = |scope: AttributeScope| -> Vec<String> {
        let own = names.iter().filter(|(s, _)| *s == scope).map(|(_, name)| name.clone());
        own.take(tags.limit).collect()
    };
    let all = SCOPES.iter().map(|(scope, name)| (*scope, *name, of_scope(*scope)));
    Ok(match wanted {
        Some(wanted) => all.filter(|(_, name, _)| *name == wanted).collect(),
        None => all.filter(|(.., tags)| !tags.is_empty()).collect(),
    })
}

/// `{"tagNames":[…]}`; intrinsics only where they are asked for.
pub async fn tags(State(api): State<Api>, RawQuery(raw): RawQuery) -> Result<Json<Value>, TempoError> {
    let scopes = names(&api, raw.as_deref()).await?;
    let only = scopes.len() == 1;
    let wanted = scopes.into_iter().filter(|(scope, ..)| only || *scope != AttributeScope::Intrinsic);
    let mut names: Vec<String> = wanted.flat_map(|(.., tags)| tags).collect();
    names.sort();
    names.dedup();
    Ok(Json(json!({"tagNames": names, "metrics": cost(None)})))
}

/// `{"scopes":[{"name":…,"tags":[…]}]}`
pub async fn tags_v2(State(api): State<Api>, RawQuery(raw): RawQuery) -> Result<Json<Value>, TempoError> {
    let scopes = names(&api, raw.as_deref()).await?;
    let scopes: Vec<Value> =
        scopes.into_iter().map(|(_, name, tags)| json!({"name": name, "tags": tags})).collect();
    Ok(Json(json!({"scopes": scopes, "metrics": cost(None)})))
}

/// `span.x`, `resource.x`, `.x`, `event:name`, or an intrinsic's bare name; any other bare name is of span or resource.
fn tag(text: &str) -> Tag {
    let of = |scope, name: &str| Tag { scope, name: name.to_owned() };
    for (scope, name) in SCOPES.iter().filter(|(scope, _)| *scope != AttributeScope::Intrinsic) {
        if let Some(rest) = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) {
            return of(Some(*scope), rest);
        }
    }
    let scoped =
        ["span:", "trace:", "event:", "link:", "instrumentation:"].iter().any(|s| text.starts_with(s));
    if scoped || INTRINSICS.contains(&text) {
        return of(Some(AttributeScope::Intrinsic), text);
    }
    of(None, text.strip_prefix('.').unwrap_or(text))
}

async fn values(api: &Api, text: &str, raw: Option<&str>) -> Result<Vec<AttributeValue>, TempoError> {
    let params = Params::parse(raw.unwrap_or_default());
    Ok(api.source.tag_values_of(&tag(text), &tag_query(api, &params)?).await?)
}

/// `{"tagValues":["…"]}`
pub async fn tag_values(
    State(api): State<Api>,
    Path(tag): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, TempoError> {
    let values = values(&api, &tag, raw.as_deref()).await?;
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    Ok(Json(json!({"tagValues": values, "metrics": cost(None)})))
}

/// `{"tagValues":[{"type":"int","value":"200"}]}`
pub async fn tag_values_v2(
    State(api): State<Api>,
    Path(tag): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, TempoError> {
    let is_word = matches!(tag.as_str(), "status" | "kind" | "span:status" | "span:kind");
    let kind = |v: &AttributeValue| match v {
        _ if is_word => "keyword",
        AttributeValue::Int(_) => "int",
        AttributeValue::Double(_) => "float",
        AttributeValue::Bool(_) => "bool",
        _ => "string",
    };
    let values = values(&api, &tag, raw.as_deref()).await?;
    let values: Vec<Value> =
        values.iter().map(|v| json!({"type": kind(v), "value": v.to_string()})).collect();
    Ok(Json(json!({"tagValues": values, "metrics": cost(None)})))
}
