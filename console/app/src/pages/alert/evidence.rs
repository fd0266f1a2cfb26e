//! The proof: one failing trace and one log line, and where to find more of each.

use console_model::{alert::Alert, span::Trace};
use console_storage::SourceError;
use console_ui::Card;
use leptos::prelude::*;

use super::window;
use crate::{
    request::PageRequest,
    view::{format, log_line::LogLine, markup::shorten},
};

const FIELDS_SHOWN: usize = 12;
const VALUE_CHARS: usize = 200;

/// The logs page with the query, around the alert's time.
pub fn logs_around(alert: &Alert, query: &str) -> String {
    around("/logs", alert, query)
}

fn around(path: &str, alert: &Alert, query: &str) -> String {
    let (from, to) = window(alert, i64::MAX);
    let (from, to) = (from.to_string(), to.to_string());
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    out.extend_pairs([("q", query), ("from", &from), ("to", &to)]);
    format!("{path}?{}", out.finish())
}

/// `trace` is what the store still has of the trace; none when there is nothing to look up.
#[component]
pub fn EvidenceCard(
    alert: Alert,
    trace: Option<Result<Option<Trace>, SourceError>>,
    request: PageRequest,
) -> impl IntoView {
    let evidence = alert.evidence.clone();
    let more_traces = evidence
        .trace_query
        .as_deref()
        .or_else(|| alert.annotations.get("trace_query"))
        .map(|q| view! { <a href=around("/traces", &alert, q)>"Similar traces"</a> });
    let trace_part = match (evidence.trace_id, trace) {
        (Some(id), known) => {
            let words = match known {
                Some(Ok(Some(trace))) => trace_words(&trace),
                Some(Ok(None)) => "not in the store: past retention, sampled out, or not here yet".to_owned(),
                Some(Err(error)) => format!("the store does not answer: {error}"),
                None => String::new(),
            };
            view! {
                <p>
                    <a class="mono" id="evidence-trace" href=request.link(&format!("/traces/{id}"), &[])>
                        {id.to_string()}
                    </a>
                </p>
                <p class="muted">{words}</p>
            }
            .into_any()
        }
        (None, _) if evidence.trace_query.is_some() => {
            view! { <p class="muted">"No trace matched when the alert fired."</p> }.into_any()
        }
        (None, _) => view! { <p class="muted">"The rule names no traces."</p> }.into_any(),
    };
    let query = evidence.log_query.as_deref().or_else(|| alert.annotations.get("log_query"));
    let more_logs = query.map(|q| view! { <a href=logs_around(&alert, q)>"All matching lines"</a> });
    let log_part = match &evidence.log_line {
        Some(line) => view! { <LogProof line=line.clone()/> }.into_any(),
        None if query.is_some() => {
            view! { <p class="muted" id="evidence-log">"No line matched when the alert fired."</p> }
                .into_any()
        }
        None => view! { <p class="muted" id="evidence-log">"The rule names no logs."</p> }.into_any(),
    };
    view! {
        <Card title="Evidence" note="found when it fired">
            <div class="evidence">
                <div class="row between"><h3>"Failing trace"</h3><span class="small">{more_traces}</span></div>
                {trace_part}
                <div class="row between"><h3>"Log line"</h3><span class="small">{more_logs}</span></div>
                {log_part}
            </div>
        </Card>
    }
}

fn trace_words(trace: &Trace) -> String {
    let mut services: Vec<&str> = trace.spans.iter().map(|s| s.service.as_str()).collect();
    services.sort_unstable();
    services.dedup();
    let start = trace.spans.iter().map(|s| s.start_ns).min().unwrap_or_default();
    let end = trace.spans.iter().map(|s| s.start_ns.saturating_add(s.duration_ns)).max().unwrap_or_default();
    let spans =
        if trace.spans.len() == 1 { "1 span".to_owned() } else { format!("{} spans", trace.spans.len()) };
    format!("{spans} of {}, {}", services.join(", "), format::duration_ns(end.saturating_sub(start)))
}

#[component]
fn LogProof(line: String) -> impl IntoView {
    let parsed = LogLine::parse(&line);
    let fields = parsed
        .telling()
        .take(FIELDS_SHOWN)
        .map(|(name, value)| {
            view! { <span class="chip">{name.to_owned()}"="<b>{shorten(value, VALUE_CHARS)}</b></span> }
        })
        .collect_view();
    view! {
        <div class="log-proof" id="evidence-log">
            <p class="mono">{parsed.message.clone()}</p>
            <div class="chips">{fields}</div>
        </div>
    }
}
