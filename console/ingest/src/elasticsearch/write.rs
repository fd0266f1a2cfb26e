//! `_bulk`: reads, stores, and answers item by item.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use axum::{
    extract::{Path, RawQuery, Request, State},
    response::Response,
};
use console_model::clock;
use http::StatusCode;
use serde_json::{Value, json};

use super::{
    ElasticsearchState, answer,
    bulk::{self, Fault, Item},
    names::Names,
    store,
};
use crate::{
    body::{self, Encoding},
    metrics::{Protocol, Signal},
    refusal::{Outcome, Refusal, Refused},
};

pub async fn bulk(State(state): State<ElasticsearchState>, query: RawQuery, request: Request) -> Response {
    handle(&state, None, query, request).await
}

pub async fn bulk_of_index(
    State(state): State<ElasticsearchState>,
    Path(index): Path<String>,
    query: RawQuery,
    request: Request,
) -> Response {
    handle(&state, Some(index), query, request).await
}

async fn handle(
    state: &ElasticsearchState,
    index: Option<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let started = Instant::now();
    match take(state, request, move |bytes, limits, now_ns| {
        bulk::read(bytes, index.as_deref(), limits, now_ns)
    })
    .await
    {
        Ok(written) => {
            // Shippers ask for what went wrong only, to read less.
            let brief = query.is_some_and(|q| q.contains("filter_path="));
            answer::of(StatusCode::OK, written.answer(started, brief))
        }
        Err(refusal) => answer::refused(&refusal),
    }
}

/// What became of the items of a request.
pub struct Written {
    pub items: Vec<Item>,
    /// Beside each item, why it was refused.
    pub faults: Vec<Option<Fault>>,
}

impl Written {
    fn answer(&self, started: Instant, brief: bool) -> Value {
        let items: Vec<Value> = self
            .items
            .iter()
            .zip(&self.faults)
            .map(|(item, fault)| match fault {
                None if brief => json!({item.action.as_str(): {"status": 201}}),
                _ => item.answer(fault.as_ref(), &new_id()),
            })
            .collect();
        let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        json!({"took": took, "errors": self.faults.iter().any(Option::is_some), "items": items})
    }

    fn outcome(&self) -> Outcome {
        let mut refused = Refused::default();
        for fault in self.faults.iter().flatten() {
            refused.add(1, fault.reason, || fault.message.clone());
        }
        Outcome { accepted: self.items.len() as u64 - refused.count, refused }
    }
}

/// Checks the sender, reads and unpacks the body, stores what `read` finds in it, and counts.
pub async fn take(
    state: &ElasticsearchState,
    request: Request,
    read: impl FnOnce(&[u8], &crate::IngestLimits, i64) -> Result<Vec<Item>, Refusal> + Send + 'static,
) -> Result<Written, Refusal> {
    let result = write(state, request, read).await;
    let outcome = result.as_ref().map(Written::outcome).map_err(Clone::clone);
    // The answer is the items', whatever is counted.
    let _ = state.gate.count(Signal::Logs, Protocol::Elasticsearch, outcome);
    result
}

async fn write(
    state: &ElasticsearchState,
    request: Request,
    read: impl FnOnce(&[u8], &crate::IngestLimits, i64) -> Result<Vec<Item>, Refusal> + Send + 'static,
) -> Result<Written, Refusal> {
    let (parts, body) = request.into_parts();
    state.gate.tokens.check_elasticsearch(&parts.headers)?;
    let encoding = Encoding::of(&parts.headers, Encoding::Identity)?;
    let raw = body::read(&parts.headers, body, &state.gate.limits).await?;
    let (limits, logs, names) = (state.gate.limits.clone(), state.logs.clone(), state.names.clone());
    let work = move || {
        let bytes = body::decompress(encoding, raw, &limits)?;
        let items = read(&bytes, &limits, clock::now_ns())?;
        drop(bytes);
        let documents: Vec<_> = items.iter().filter_map(|item| item.document.as_ref().ok()).collect();
        let mut stored = store::append(&*logs, &documents)?.into_iter();
        let faults: Vec<Option<Fault>> = items
            .iter()
            .map(|item| match &item.document {
                Ok(_) => stored.next().flatten(),
                Err(fault) => Some(fault.clone()),
            })
            .collect();
        remember(&names, &items, &faults);
        Ok(Written { items, faults })
    };
    state.gate.run(work).await
}

fn remember(names: &Names, items: &[Item], faults: &[Option<Fault>]) {
    let mut last = None;
    for (item, _) in items.iter().zip(faults).filter(|(_, fault)| fault.is_none()) {
        if last != Some(&item.index) {
            names.add(&item.index);
            last = Some(&item.index);
        }
    }
}

/// An id as Elasticsearch makes them: 20 letters and digits, none twice while the process lives.
pub fn new_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:012x}{:08x}", clock::now_ms() & 0xffff_ffff_ffff, n & 0xffff_ffff)
}
