//! A backend over HTTP: answers Loki's and Tempo's questions of a window, and takes pushes. It can be told to fail.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// What pushes are answered with, one after the other, before they are taken.
#[derive(Clone, Debug)]
pub enum Fault {
    Pass,
    Status(u16),
    /// Taken, and the answer is lost.
    Lost,
}

#[derive(Default)]
pub struct Held {
    /// Time and line of one stream.
    pub lines: Vec<(i64, String)>,
    /// Trace id and start.
    pub traces: Vec<(String, i64)>,
    pub faults: VecDeque<Fault>,
    pub headers: Vec<HeaderMap>,
    pub questions: usize,
}

#[derive(Clone, Default)]
pub struct Backend {
    pub held: Arc<Mutex<Held>>,
}

impl Backend {
    /// The address that it serves at.
    pub async fn serve(&self) -> String {
        let router = Router::new()
            .route("/loki/api/v1/query_range", get(lines))
            .route("/loki/api/v1/push", post(push_lines))
            .route("/api/search", get(search))
            .route("/api/traces/{id}", get(trace))
            .route("/v1/traces", post(push_traces))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }
}

type Asked = Query<BTreeMap<String, String>>;

fn number(asked: &Asked, name: &str) -> i64 {
    asked[name].parse().unwrap()
}

async fn lines(State(backend): State<Backend>, headers: HeaderMap, asked: Asked) -> Response {
    let mut held = backend.held.lock().await;
    held.questions += 1;
    let (start, end) = (number(&asked, "start"), number(&asked, "end"));
    assert_eq!(asked["direction"], "forward");
    assert_eq!(headers["x-loki-response-encoding-flags"], "categorize-labels");
    let mut found: Vec<_> = held.lines.iter().filter(|(t, _)| (start..end).contains(t)).collect();
    found.sort_by_key(|(t, _)| *t);
    let values = found.iter().take(number(&asked, "limit") as usize).map(|(t, line)| {
        json!([t.to_string(), line, {"structuredMetadata": {"trace_id": "ab"}, "parsed": {"level": "x"}}])
    });
    let values: Vec<Value> = values.collect();
    let result =
        if values.is_empty() { json!([]) } else { json!([{"stream": {"app": "shop"}, "values": values}]) };
    axum::Json(json!({"status": "success", "data": {"resultType": "streams", "result": result}}))
        .into_response()
}

/// Whether a push is to be taken, and what it is answered.
fn fault(held: &mut Held, headers: HeaderMap) -> (bool, Response) {
    held.headers.push(headers);
    match held.faults.pop_front() {
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap();
            (false, (status, [("retry-after", "0")], "told to fail").into_response())
        }
        Some(Fault::Lost) => {
            (true, (StatusCode::BAD_GATEWAY, [("retry-after", "0")], "lost").into_response())
        }
        Some(Fault::Pass) | None => (true, StatusCode::OK.into_response()),
    }
}

async fn push_lines(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let mut held = backend.held.lock().await;
    let (is_taken, answer) = fault(&mut held, headers);
    if is_taken {
        let body: Value = serde_json::from_slice(&body).unwrap();
        for stream in body["streams"].as_array().unwrap() {
            assert_eq!(stream["stream"], json!({"app": "shop"}), "what is no label of the stream is none");
            for value in stream["values"].as_array().unwrap() {
                assert_eq!(value[2], json!({"trace_id": "ab"}));
                let line =
                    (value[0].as_str().unwrap().parse().unwrap(), value[1].as_str().unwrap().to_owned());
                // As backends do: an equal line is kept once.
                if !held.lines.contains(&line) {
                    held.lines.push(line);
                }
            }
        }
    }
    answer
}

async fn search(State(backend): State<Backend>, asked: Asked) -> Response {
    let mut held = backend.held.lock().await;
    held.questions += 1;
    let (start, end) = (number(&asked, "start") * 1_000_000_000, number(&asked, "end") * 1_000_000_000);
    // Every trace lasts two seconds.
    let found = held.traces.iter().filter(|(_, t)| *t < end && *t + 2_000_000_000 >= start);
    let found: Vec<Value> = found
        .take(number(&asked, "limit") as usize)
        .map(|(id, t)| json!({"traceID": id, "startTimeUnixNano": t.to_string()}))
        .collect();
    axum::Json(json!({"traces": found})).into_response()
}

async fn trace(State(backend): State<Backend>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    assert_eq!(headers["accept"], "application/protobuf");
    let held = backend.held.lock().await;
    let Some((_, start)) = held.traces.iter().find(|(held, _)| *held == id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let span = Span { trace_id: id.into_bytes(), start_time_unix_nano: *start as u64, ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into_response()
}

async fn push_traces(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let mut held = backend.held.lock().await;
    let (is_taken, answer) = fault(&mut held, headers);
    if is_taken {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let spans = request.resource_spans.into_iter().flat_map(|r| r.scope_spans).flat_map(|s| s.spans);
        for span in spans {
            held.traces.push((String::from_utf8(span.trace_id).unwrap(), span.start_time_unix_nano as i64));
        }
    }
    answer
}
