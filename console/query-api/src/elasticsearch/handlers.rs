//! `_search` and `_count`.

use std::time::Instant;

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use console_model::clock;
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value, json};

use super::{
    Api,
    envelope::{EsError, ok, shards},
    hits,
    indices::Pattern,
    request::SearchRequest,
    search::{self, Reader},
};
use crate::params::Params;

pub async fn search(State(api): State<Api>, request: Request) -> Result<Response, EsError> {
    let (params, body) = read(&api, request).await?;
    Ok(ok(run(&api, None, &params, &body).await?))
}

pub async fn search_index(
    State(api): State<Api>,
    Path(index): Path<String>,
    request: Request,
) -> Result<Response, EsError> {
    let (params, body) = read(&api, request).await?;
    Ok(ok(run(&api, Some(&index), &params, &body).await?))
}

pub async fn count(State(api): State<Api>, request: Request) -> Result<Response, EsError> {
    let (params, body) = read(&api, request).await?;
    counted(&api, None, &params, &body).await
}

pub async fn count_index(
    State(api): State<Api>,
    Path(index): Path<String>,
    request: Request,
) -> Result<Response, EsError> {
    let (params, body) = read(&api, request).await?;
    counted(&api, Some(&index), &params, &body).await
}

async fn counted(api: &Api, index: Option<&str>, params: &Params, body: &Value) -> Result<Response, EsError> {
    if let Some(other) = body.as_object().and_then(|b| b.keys().find(|k| *k != "query")) {
        return Err(EsError::parsing(format!("request does not support [{other}]")));
    }
    let request = SearchRequest::parse(body, params, api.limits)?;
    let range = request.bounds.resolve(clock::now_ns(), api.limits.max_range_ms)?;
    let reader = Reader::new(api, &Pattern::parse(index)?, &request.predicate, range)?;
    Ok(ok(json!({"count": reader.count().await?, "_shards": shards()})))
}

/// Runs one search.
pub async fn run(api: &Api, index: Option<&str>, params: &Params, body: &Value) -> Result<Value, EsError> {
    let started = Instant::now();
    let request = SearchRequest::parse(body, params, api.limits)?;
    let range = request.bounds.resolve(clock::now_ns(), api.limits.max_range_ms)?;
    let mut reader = Reader::new(api, &Pattern::parse(index)?, &request.predicate, range)?;
    let mut aggregations = Map::new();
    for (name, aggregation) in &request.aggregations {
        aggregations.insert(name.clone(), aggregation.answer(&reader).await?);
    }
    let mut found = json!({"max_score": null});
    if request.count_hits {
        found["total"] = json!({"value": reader.count().await?, "relation": "eq"});
    }
    let rows = search::hits(&mut reader, &request).await?;
    found["hits"] = rows.iter().map(|row| hits::hit(row, &request.shown)).collect();
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut out = json!({"took": took, "timed_out": false, "_shards": shards(), "hits": found});
    if !request.aggregations.is_empty() {
        out["aggregations"] = Value::Object(aggregations);
    }
    Ok(out)
}

/// Parameters of the address, and the body as JSON; no body is `null`.
async fn read(api: &Api, request: Request) -> Result<(Params, Value), EsError> {
    let (params, bytes) = raw(api, request).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok((params, Value::Null));
    }
    // The decoder stops at a depth of 128 by itself.
    let body = serde_json::from_slice(&bytes)
        .map_err(|e| EsError::parsing(format!("request body is no valid JSON: {e}")))?;
    Ok((params, body))
}

/// As [`read`], the body as it came.
pub async fn raw(api: &Api, request: Request) -> Result<(Params, bytes::Bytes), EsError> {
    let max = api.limits.max_parameters_bytes;
    let query = request.uri().query().unwrap_or_default();
    if query.len() > max {
        return Err(EsError::argument(format!("query string is longer than {max} bytes")));
    }
    let params = Params::parse(query);
    let body = Limited::new(request.into_body(), max).collect().await;
    let body = body
        .map_err(|e| EsError::argument(format!("request body is cut off or longer than {max} bytes: {e}")))?;
    Ok((params, body.to_bytes()))
}
