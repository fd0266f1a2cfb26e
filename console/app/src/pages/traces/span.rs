//! One span as a row of the waterfall, unfolding to all that it says.

use console_model::{
    names::GoQuoted,
    span::{Attributes, Span, SpanEvent, SpanLink},
};
use console_ui::{Badge, Tone};
use leptos::prelude::*;

use super::{trace::failure, waterfall::Row};
use crate::{
    pages::query::address,
    view::{format, markup::shorten},
};

/// Deeper spans are not indented further.
const MAX_INDENT: usize = 20;
const VALUE_CHARS: usize = 4_000;
/// A bar that ends beyond this has its duration at the left, or inside when it begins early.
const FLIP_PERCENT: f64 = 72.0;

#[component]
pub fn SpanRow(row: Row, span: Span, colour: usize) -> impl IntoView {
    let mut class = "span".to_owned();
    for (is_on, name) in
        [(row.is_error, " failed"), (row.is_critical, " critical"), (row.hides_error, " hides-error")]
    {
        if is_on {
            class.push_str(name);
        }
    }
    let end_percent = row.left_percent + row.width_percent;
    let side = if end_percent <= FLIP_PERCENT {
        "span-duration"
    } else if row.left_percent >= 100.0 - FLIP_PERCENT {
        "span-duration flip"
    } else {
        "span-duration inside"
    };
    let style = format!(
        "--d:{};--c:var(--series-{colour});--l:{:.2}%;--w:{:.2}%",
        row.depth.min(MAX_INDENT),
        row.left_percent,
        row.width_percent
    );
    let tags = [
        (row.is_error, "error"),
        (row.is_critical, "on the critical path"),
        (row.is_orphan, "parent not here"),
        (row.hides_error && !row.is_error, "an error below"),
    ];
    let spoken: Vec<&str> = tags.into_iter().filter(|(is_on, _)| *is_on).map(|(_, words)| words).collect();
    let error = row.is_error.then(|| view! { <Badge tone=Tone::Bad>"error"</Badge> });
    let orphan = row.is_orphan.then(|| view! { <Badge tone=Tone::Warn>"parent not here"</Badge> });
    let id = format!("span-{}", span.span_id);
    view! {
        <details class=class id=id style=style>
            <summary>
                <span class="span-name">
                    <b>{row.service}</b>
                    <span>{row.name}</span>
                    {error}
                    {orphan}
                    <span class="sr-only">{spoken.join(", ")}</span>
                </span>
                <span class="span-time">
                    <span class="span-bar" aria-hidden="true"></span>
                    <span class=side>{format::duration_ns(row.duration_ns)}</span>
                </span>
            </summary>
            <Details span offset_ns=row.offset_ns/>
        </details>
    }
}

#[component]
fn Details(span: Span, offset_ns: i64) -> impl IntoView {
    let why = failure(&span).map(|why| view! { <p class="failure-why">{shorten(&why, VALUE_CHARS)}</p> });
    let ms = 1_000_000;
    let (from, to) = (
        (span.start_ns.div_euclid(ms) - 1000).to_string(),
        (span.end_ns().div_euclid(ms) + 5000).to_string(),
    );
    let by_span = format!("{{service_name=~\".+\"}} |= {}", GoQuoted(&span.span_id.to_string()));
    let logs = address("/logs", &[("q", &by_span), ("from", &from), ("to", &to)]);
    let scope = [span.scope_name.as_str(), span.scope_version.as_str()].join(" ").trim().to_owned();
    let scope = (!scope.is_empty()).then(|| view! { <span>"by "<b>{scope}</b></span> });
    let events = (!span.events.is_empty()).then(|| {
        let items = span.events.iter().map(|e| event(e, span.start_ns)).collect_view();
        view! { <section><h3>"Events"</h3><ol class="span-events">{items}</ol></section> }
    });
    let links = (!span.links.is_empty()).then(|| {
        view! { <section><h3>"Links"</h3><ul class="span-links">{span.links.iter().map(link).collect_view()}</ul></section> }
    });
    view! {
        <div class="span-details">
            {why}
            <p class="span-facts">
                <span>"started after "<b>{format::duration_ns(offset_ns)}</b></span>
                <span>"took "<b>{format::duration_ns(span.duration_ns)}</b></span>
                <span>"kind "<b>{span.kind.word()}</b></span>
                {scope}
                <span>"span "<b class="mono">{span.span_id.to_string()}</b></span>
                <a href=logs>"Log lines of this span"</a>
            </p>
            {table("Attributes", &span.attributes)}
            {events}
            {links}
            {table("Resource", &span.resource)}
        </div>
    }
}

fn table(title: &'static str, attributes: &Attributes) -> impl IntoView + use<> {
    (!attributes.is_empty()).then(|| view! { <section><h3>{title}</h3>{rows(attributes)}</section> })
}

fn rows(attributes: &Attributes) -> impl IntoView + use<> {
    let row = |(key, value): &(String, console_model::span::AttributeValue)| {
        let value = shorten(&value.to_string(), VALUE_CHARS);
        // A stack trace or a query keeps its lines.
        let value =
            if value.contains('\n') { view! { <pre>{value}</pre> }.into_any() } else { value.into_any() };
        view! { <tr><th scope="row">{key.clone()}</th><td>{value}</td></tr> }
    };
    view! { <table class="fields"><tbody>{attributes.iter().map(row).collect_view()}</tbody></table> }
}

fn event(event: &SpanEvent, start_ns: i64) -> impl IntoView + use<> {
    let class = if event.name == "exception" { "exception" } else { "" };
    view! {
        <li class=class>
            <p><b>{event.name.clone()}</b>" "<span class="muted">{format!("after {}", format::duration_ns(event.t_ns - start_ns))}</span></p>
            {(!event.attributes.is_empty()).then(|| rows(&event.attributes))}
        </li>
    }
}

fn link(link: &SpanLink) -> impl IntoView + use<> {
    view! {
        <li>
            <a class="mono" href=format!("/traces/{}#span-{}", link.trace_id, link.span_id)>{link.trace_id.to_string()}</a>
            {(!link.attributes.is_empty()).then(|| rows(&link.attributes))}
        </li>
    }
}
