//! Log lines that carry a trace's id, wherever the id stands.

use std::collections::HashSet;

use console_model::{
    TimeRange,
    log::{Direction, LogAnswer, LogStream},
    names::GoQuoted,
    span::TraceId,
};
use console_storage::SourceError;
use console_ui::{Card, Empty};
use leptos::prelude::*;

use crate::{
    backends::Backends,
    pages::{
        logs::{ALL_LINES, LogRow, LogRows, newest_first},
        query::{QueryProblem, address, answer},
    },
    request::PageRequest,
    view::format::count,
};

/// Clocks disagree, and a line may be written after its span ended.
const AROUND_MS: i64 = 60_000;
const LIMIT: usize = 200;
/// Lines are shipped within seconds; for this long their absence means nothing.
const ARRIVAL_MS: i64 = 30_000;

/// Lines that hold the id as text, as the shop's own do.
pub fn by_text(id: TraceId) -> String {
    format!("{ALL_LINES} |= {}", GoQuoted(&id.to_string()))
}

/// Lines that have the id beside them, as OTLP's do.
fn by_metadata(id: TraceId) -> String {
    format!("{ALL_LINES} | trace_id={}", GoQuoted(&id.to_string()))
}

/// Oldest first, each line once.
async fn load(backends: &Backends, id: TraceId, range: TimeRange) -> Result<Vec<LogRow>, SourceError> {
    let ask = |expr: String| async move {
        let (start_ns, end_ns) = (range.start_ns(), range.end_ns());
        let asked = backends.logs.query_range(&expr, start_ns, end_ns, 1_000, LIMIT, Direction::Forward);
        answer(asked)
            .await
            .map(|a| if let LogAnswer::Streams { streams, .. } = a { streams } else { Vec::new() })
    };
    let (text, metadata) = futures::join!(ask(by_text(id)), ask(by_metadata(id)));
    let streams: Vec<LogStream> = match (text, metadata) {
        (Ok(text), Ok(metadata)) => text.into_iter().chain(metadata).collect(),
        // Not every store knows metadata; the other way of asking suffices.
        (Ok(streams), Err(_)) | (Err(_), Ok(streams)) => streams,
        (Err(error), Err(_)) => return Err(error),
    };
    let mut rows = newest_first(streams);
    rows.reverse();
    let mut seen = HashSet::new();
    rows.retain(|row| seen.insert((row.t_ns, row.line.clone())));
    Ok(rows)
}

/// Lines of the trace from a minute before to a minute after it.
#[component]
pub fn TraceLogs(request: PageRequest, id: TraceId, first_ms: i64, last_ms: i64) -> impl IntoView {
    let range = TimeRange { start_ms: first_ms - AROUND_MS, end_ms: last_ms + AROUND_MS };
    let (from, to) = (range.start_ms.to_string(), range.end_ms.to_string());
    let query = by_text(id);
    let href = address("/logs", &[("q", &query), ("from", &from), ("to", &to)]);
    let shown = Suspend::new(async move {
        match load(&request.backends, id, range).await {
            Err(error) => view! { <QueryProblem title="Log lines" query error/> }.into_any(),
            Ok(rows) if rows.is_empty() => nothing(request.now_ms - last_ms < ARRIVAL_MS).into_any(),
            Ok(rows) => {
                let n = rows.len();
                let more = if n >= LIMIT { ", there may be more" } else { "" };
                view! {
                    <p class="log-count muted">{format!("{} lines, oldest first{more}", count(n as u64))}</p>
                    <LogRows rows hide_trace=true/>
                }
                .into_any()
            }
        }
    });
    let actions = view! { <a class="button small" href=href>"Open in Logs"</a> }.into_any();
    view! {
        <Card title="Log lines of this trace" id="trace-logs" class="flush" actions>
            <Suspense>{shown}</Suspense>
        </Card>
    }
}

fn nothing(is_fresh: bool) -> impl IntoView {
    if is_fresh {
        view! { <Empty title="Not here yet"><p>"The trace ended moments ago; its log lines may still be on their way."</p></Empty> }
    } else {
        view! {
            <Empty title="No log line carries this trace">
                <p>"Nothing was logged inside its spans, or the lines are past retention."</p>
            </Empty>
        }
    }
}
