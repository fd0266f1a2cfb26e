//! One trace: what it was, where its time went, what was logged meanwhile.

use console_model::span::{AttributeValue, Span, SpanStatus, Trace, TraceId};
use console_ui::{Card, Empty, Notice, Stat, Tone};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_router::hooks::use_params_map;

use super::{
    logs::TraceLogs,
    span::SpanRow,
    waterfall::{self, MAX_ROWS, Waterfall},
};
use crate::{
    islands::CopyButton,
    layout::Page,
    pages::query::{QueryProblem, address, answer},
    request::PageRequest,
    view::{
        format::{self, count},
        markup::shorten,
    },
};

/// Rows that are shown at once; all of them on demand.
const FIRST_ROWS: usize = 400;
/// Failed spans named above the waterfall.
const NAMED_ERRORS: usize = 3;
/// Marks on the axis of the waterfall.
const TICKS: i64 = 4;

#[component]
pub fn TracePage() -> impl IntoView {
    let request = PageRequest::current();
    let written = use_params_map().with_untracked(|p| p.get("id").unwrap_or_default());
    let title = format!("Trace {}", shorten(&written, 8));
    // Taken here: an answer that takes time is awaited outside of this component.
    let response = use_context::<ResponseOptions>();
    let shown = {
        let request = request.clone();
        Suspend::new(async move {
            let not_found = |view: AnyView| {
                if let Some(response) = &response {
                    response.set_status(http::StatusCode::NOT_FOUND);
                }
                view
            };
            let Ok(id) = written.parse::<TraceId>() else {
                let view = view! { <NoId written/> }.into_any();
                return not_found(view);
            };
            match answer(request.backends.traces.trace(id)).await {
                Err(error) => view! { <QueryProblem title="Trace" query="" error/> }.into_any(),
                Ok(None) => not_found(view! { <Unknown id/> }.into_any()),
                Ok(Some(trace)) if trace.spans.is_empty() => not_found(view! { <Unknown id/> }.into_any()),
                Ok(Some(trace)) => view! { <Shown request trace/> }.into_any(),
            }
        })
    };
    view! {
        <Page title active="traces" request parent=("Traces", "/traces") timeless=true>
            <Suspense>{shown}</Suspense>
        </Page>
    }
}

#[component]
fn NoId(written: String) -> impl IntoView {
    view! {
        <Empty title="Not a trace id">
            <p>"A trace id has up to 32 hex digits; got "<code>{shorten(&written, 64)}</code>"."</p>
            <a class="button" href="/traces">"Search traces"</a>
        </Empty>
    }
}

#[component]
fn Unknown(id: TraceId) -> impl IntoView {
    let lines = address("/logs", &[("q", &super::logs::by_text(id)), ("from", "now-24h")]);
    view! {
        <Empty title="No span of this trace is stored">
            <p>"Trace "<code class="mono break">{id.to_string()}</code></p>
            <ul class="reasons">
                <li>"It may not be here yet: services send spans a few seconds after they end. Try again in a moment."</li>
                <li>"It may be past retention: spans are deleted when they are older than the console keeps them."</li>
                <li>"It may have been sampled out or dropped before it reached the console."</li>
            </ul>
            <p class="row">
                <a class="button primary" href=format!("/traces/{id}")>"Try again"</a>
                <a class="button" href=lines>"Its log lines of the last 24 hours"</a>
                <a class="button" href="/traces">"Search traces"</a>
            </p>
        </Empty>
    }
}

#[component]
fn Shown(request: PageRequest, trace: Trace) -> impl IntoView {
    let wants_all = request.param("rows") == Some("all");
    let picture = waterfall::lay_out(&trace.spans, if wants_all { MAX_ROWS } else { FIRST_ROWS });
    let first_ms = picture.start_ns.div_euclid(1_000_000);
    let last_ms = picture.start_ns.saturating_add(picture.duration_ns).div_euclid(1_000_000) + 1;
    let root = picture.rows.first().map(|r| (r.service.clone(), r.name.clone())).unwrap_or_default();
    let orphans = picture.rows.iter().filter(|r| r.is_orphan).count();
    let orphans = (orphans > 0).then(|| {
        let words = if orphans == 1 { "1 span names a parent".to_owned() } else { format!("{orphans} spans name parents") };
        view! { <Notice tone=Tone::Warn>{format!("{words} that the console does not have: not here yet, or not sent.")}</Notice> }
    });
    let id = trace.trace_id;
    let failed_tone = if picture.error_count > 0 { Tone::Bad } else { Tone::Neutral };
    view! {
        <div class="stack">
            <div class="trace-head">
                <div>
                    <p class="trace-root"><span class="trace-service">{root.0}</span>" "<b>{root.1}</b></p>
                    <p class="muted">
                        <time datetime=format::rfc3339(first_ms)>{format!("{} UTC", format::time_utc(first_ms))}</time>
                        {format!(", {}", format::ago(first_ms, request.now_ms))}
                        " · "<span class="mono break">{id.to_string()}</span>
                    </p>
                </div>
                <CopyButton text=id.to_string() what="trace id"/>
            </div>
            <div class="stats">
                <Stat label="Duration" value=format::duration_ns(picture.duration_ns)/>
                <Stat label="Spans" value=count(picture.span_count as u64)/>
                <Stat label="Services" value=count(picture.services.len() as u64)/>
                <Stat
                    label="Failed spans"
                    value=count(picture.error_count as u64)
                    tone=failed_tone
                />
            </div>
            <Failures spans=trace.spans.clone()/>
            {orphans}
            <WaterfallCard picture spans=trace.spans id/>
            <TraceLogs request id first_ms last_ms/>
        </div>
    }
}

/// The first failed spans with what they say of it.
#[component]
fn Failures(spans: Vec<Span>) -> impl IntoView {
    let mut failed: Vec<&Span> = spans.iter().filter(|s| s.status == SpanStatus::Error).collect();
    failed.sort_by_key(|s| std::cmp::Reverse(s.start_ns));
    let more = failed.len().saturating_sub(NAMED_ERRORS);
    let item = |span: &&Span| {
        let why = failure(span);
        view! {
            <li>
                <a href=format!("#span-{}", span.span_id)><b>{span.service.clone()}</b>" "{span.name.clone()}</a>
                {why.map(|why| view! { ": "<span class="failure-why">{shorten(&why, 300)}</span> })}
            </li>
        }
    };
    let items = failed.iter().take(NAMED_ERRORS).map(item).collect_view();
    let more = (more > 0).then(|| view! { <li class="muted">{format!("and {more} more")}</li> });
    (!failed.is_empty())
        .then(|| view! { <Notice tone=Tone::Bad><ul class="failures">{items}{more}</ul></Notice> })
}

/// What a failed span says: its exception, else its status, else an `error` attribute.
pub(super) fn failure(span: &Span) -> Option<String> {
    let exception = span.events.iter().rev().find(|e| e.name == "exception").and_then(|e| {
        e.attributes.iter().find(|(k, _)| k == "exception.message").map(|(_, v)| v.to_string())
    });
    let status = Some(span.status_message.clone()).filter(|m| !m.is_empty());
    let attribute =
        || ["error.type", "error"].iter().find_map(|k| span.attribute(k)).map(AttributeValue::to_string);
    exception.or(status).or_else(attribute)
}

#[component]
fn WaterfallCard(picture: Waterfall, spans: Vec<Span>, id: TraceId) -> impl IntoView {
    let colour =
        |service: &str| picture.services.iter().position(|(name, _)| name == service).unwrap_or(0) % 8 + 1;
    let service = |(name, n): &(String, usize)| {
        let style = format!("--c:var(--series-{})", colour(name));
        view! { <li><span class="chart-swatch" style=style></span>{name.clone()}" "<span class="muted num">{*n}</span></li> }
    };
    let services = picture.services.iter().map(service).collect_view();
    let ticks = (0..=TICKS)
        .map(|i| {
            let at_ns = picture.duration_ns.saturating_mul(i) / TICKS;
            view! { <span style=format!("--x:{}%", i * 100 / TICKS)>{format::duration_ns(at_ns)}</span> }
        })
        .collect_view();
    let left_out = (picture.left_out > 0).then(|| {
        let words = format!(
            "{} of {} spans are shown.",
            count(picture.rows.len() as u64),
            count(picture.span_count as u64)
        );
        let all = (picture.rows.len() < MAX_ROWS).then(|| {
            let words = format!("Show up to {}", count(MAX_ROWS as u64));
            view! { <a class="button small" href=format!("/traces/{id}?rows=all")>{words}</a> }
        });
        view! { <p class="waterfall-more">{words}" "{all}</p> }
    });
    let rows = picture
        .rows
        .iter()
        .map(|row| view! { <SpanRow row=row.clone() span=spans[row.span].clone() colour=colour(&row.service)/> })
        .collect_view();
    view! {
        <Card title="Waterfall" note="unfold a span for its attributes" class="flush">
            <div class="waterfall-legend">
                <ul>{services}</ul>
                <span class="critical-key">"Critical path: what the end waited for"</span>
            </div>
            <div class="waterfall" id="waterfall">
                <div class="waterfall-axis" aria-hidden="true"><div>{ticks}</div></div>
                {rows}
            </div>
            {left_out}
        </Card>
    }
}
