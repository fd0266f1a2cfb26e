//! Logs: a LogQL query, its lines over time, and the lines.

mod ask;
mod histogram;
mod labels;
mod results;
mod rows;
mod selector;

use console_ui::{ButtonLink, Glyph, Icon};
use leptos::prelude::*;

use self::{
    ask::{LIMITS, LogsAsk},
    labels::LabelBrowser,
    results::{HistogramCard, Lines},
};
use super::query::RangeFields;
use crate::{layout::Page, request::PageRequest};

pub use self::{
    ask::ALL_LINES,
    rows::{LogRow, LogRows, newest_first},
    selector::Filter,
};

/// The id of the form that filter buttons anywhere on the page belong to.
const FILTER_FORM: &str = "logs-filter";

#[component]
pub fn LogsPage() -> impl IntoView {
    let request = PageRequest::current();
    let ask = LogsAsk::of(&request);
    if let Some(filtered) = ask.filtered(&request) {
        leptos_axum::redirect(&filtered);
    }
    let histogram = ask.is_log_query().then(|| {
        view! { <HistogramCard request=request.clone() ask=ask.clone()/> }
    });
    view! {
        <Page title="Logs" active="logs" request=request.clone()>
            <div class="stack">
                <QueryForm request=request.clone() ask=ask.clone()/>
                <FilterForm request=request.clone() ask=ask.clone()/>
                <LabelBrowser request=request.clone()/>
                {histogram}
                <Lines request=request ask=ask/>
            </div>
        </Page>
    }
}

#[component]
fn QueryForm(request: PageRequest, ask: LogsAsk) -> impl IntoView {
    let limit = ask.limit;
    let limits = LIMITS
        .iter()
        .map(|n| view! { <option value=n.to_string() selected={*n == limit}>{format!("{n} lines")}</option> })
        .collect_view();
    let live = if ask.is_live { "" } else { "1" };
    let (words, glyph) =
        if ask.is_live { ("Stop live tail", Glyph::Pause) } else { ("Live tail", Glyph::Play) };
    let switch = request.link("/logs", &[("q", ask.written()), ("limit", &ask.limit_text()), ("live", live)]);
    let tail =
        ask.is_log_query().then(|| view! { <ButtonLink href=switch><Icon glyph/>{words}</ButtonLink> });
    view! {
        <form class="query-form" method="get" action="/logs">
            <label class="field query-field">
                <span>"LogQL"</span>
                <textarea class="input mono" name="q" rows="2" spellcheck="false" autocomplete="off" data-search>
                    {ask.query.clone()}
                </textarea>
            </label>
            <RangeFields request/>
            {ask.is_live.then(|| view! { <input type="hidden" name="live" value="1"/> })}
            <div class="query-actions">
                <label class="field">
                    <span class="sr-only">"At most"</span>
                    <select class="input" name="limit">{limits}</select>
                </label>
                <button class="button primary" type="submit"><Icon glyph=Glyph::Search/>"Run"</button>
                {tail}
            </div>
        </form>
    }
}

/// No field of its own that shows: filter buttons send it with one more filter.
#[component]
fn FilterForm(request: PageRequest, ask: LogsAsk) -> impl IntoView {
    view! {
        <form id=FILTER_FORM method="get" action="/logs" hidden>
            <input type="hidden" name="q" value=ask.query.clone()/>
            <input type="hidden" name="limit" value=ask.limit_text()/>
            {ask.is_live.then(|| view! { <input type="hidden" name="live" value="1"/> })}
            <RangeFields request/>
        </form>
    }
}
