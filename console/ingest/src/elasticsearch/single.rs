//! `_doc` and `_create`: one document a request.

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use serde_json::{Map, Value};

use super::{
    ElasticsearchState, answer,
    bulk::{Action, Fault, Item},
    document, names,
    write::{self, new_id},
};
use crate::json;

pub async fn without_id(
    State(state): State<ElasticsearchState>,
    Path(index): Path<String>,
    request: Request,
) -> Response {
    handle(&state, index, None, request).await
}

pub async fn with_id(
    State(state): State<ElasticsearchState>,
    Path((index, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    handle(&state, index, Some(id), request).await
}

async fn handle(state: &ElasticsearchState, index: String, id: Option<String>, request: Request) -> Response {
    let written = write::take(state, request, move |bytes, limits, now_ns| {
        let source: Map<String, Value> = json::decode(bytes, limits.max_json_depth)?;
        let document =
            names::check(&index).and_then(|()| document::map(&source, &index, id.as_deref(), now_ns, limits));
        Ok(vec![Item { action: Action::Create, index, id, document }])
    });
    match written.await {
        Ok(written) => match (written.items.first(), written.faults.into_iter().next().flatten()) {
            (_, Some(Fault { status, kind, message, .. })) => answer::error(status, kind, &message),
            (Some(item), None) => answer::of(http::StatusCode::CREATED, created(item)),
            (None, None) => answer::of(http::StatusCode::OK, Value::Null),
        },
        Err(refusal) => answer::refused(&refusal),
    }
}

/// As an item of a bulk answer, without its status.
fn created(item: &Item) -> Value {
    let mut body = item.answer(None, &new_id())[item.action.as_str()].take();
    if let Some(members) = body.as_object_mut() {
        members.remove("status");
    }
    body
}
