//! `_msearch`: searches in pairs of lines, a header and a body each, answered in their order.

use std::time::Instant;

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    Api,
    envelope::{EsError, ok},
    handlers,
};
use crate::params::Params;

const MAX_SEARCHES: usize = 32;

pub async fn search(State(api): State<Api>, request: Request) -> Result<Response, EsError> {
    answer(&api, None, request).await
}

pub async fn search_index(
    State(api): State<Api>,
    Path(index): Path<String>,
    request: Request,
) -> Result<Response, EsError> {
    answer(&api, Some(&index), request).await
}

async fn answer(api: &Api, index: Option<&str>, request: Request) -> Result<Response, EsError> {
    let started = Instant::now();
    let (_, bytes) = handlers::raw(api, request).await?;
    let searches = pairs(&bytes, index)?;
    let mut responses = Vec::with_capacity(searches.len());
    for (index, body) in searches {
        // One after the other: many at once would be one client's way around the others.
        let answer = handlers::run(api, index.as_deref(), &Params::default(), &body).await;
        responses.push(match answer {
            Ok(mut found) => {
                found["status"] = json!(200);
                found
            }
            Err(e) => e.body(),
        });
    }
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(ok(json!({"took": took, "responses": responses})))
}

/// Index and body of each search.
fn pairs(bytes: &[u8], default: Option<&str>) -> Result<Vec<(Option<String>, Value)>, EsError> {
    let lines = bytes.split(|b| *b == b'\n').zip(1usize..).filter(|(line, _)| !line.trim_ascii().is_empty());
    let mut out = Vec::new();
    let mut lines = lines.map(|(line, number)| {
        let read: Result<Value, _> = serde_json::from_slice(line);
        read.map_err(|e| EsError::parsing(format!("line {number}: no valid JSON: {e}")))
    });
    while let Some(header) = lines.next().transpose()? {
        let body = lines.next().transpose()?;
        let body = body.ok_or_else(|| EsError::parsing("a search's header is not followed by its body"))?;
        if out.len() >= MAX_SEARCHES {
            return Err(EsError::argument(format!("more than {MAX_SEARCHES} searches in one request")));
        }
        let index = match &header["index"] {
            Value::String(index) => Some(index.clone()),
            Value::Array(names) => Some(names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
            _ => default.map(str::to_owned),
        };
        out.push((index, body));
    }
    if out.is_empty() {
        return Err(EsError::parsing("no requests added"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_counted() {
        let text = b"{\"index\":[\"a\",\"b\"]}\n{\"size\":1}\n\n{}\n{}\n";
        let found = pairs(text, Some("c")).unwrap();
        assert_eq!(found, [(Some("a,b".to_owned()), json!({"size": 1})), (Some("c".to_owned()), json!({}))]);
        assert!(pairs(b"{}\n", None).unwrap_err().reason.contains("not followed by its body"));
        assert!(pairs(b"{}\n{\n", None).unwrap_err().reason.starts_with("line 2: "));
        assert!(pairs("{}\n{}\n".repeat(33).as_bytes(), None).unwrap_err().reason.contains("more than 32"));
        assert!(pairs(b"\n", None).unwrap_err().reason.contains("no requests"));
    }
}
