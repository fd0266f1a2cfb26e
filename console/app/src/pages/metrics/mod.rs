//! Metrics: PromQL over the page's time range.

mod examples;
mod result;
mod suggest;
mod table;

use std::collections::HashMap;

use console_model::metric::MetricMetadata;
use console_ui::{Glyph, Icon};
use leptos::prelude::*;

use self::{examples::Examples, result::Result};
use super::query::{RangeFields, answer};
use crate::{layout::Page, request::PageRequest, view::markup::shorten};

const MAX_NAMES: usize = 2_000;
const HELP_CHARS: usize = 120;

#[component]
pub fn MetricsPage() -> impl IntoView {
    let request = PageRequest::current();
    if let Some(metric) = request.param("metric") {
        leptos_axum::redirect(&request.link("/metrics-explorer", &[("q", &suggest::query_for(metric))]));
    }
    let query = request.param("q").unwrap_or_default().to_owned();
    let below = if query.is_empty() {
        view! { <Examples request=request.clone()/> }.into_any()
    } else {
        view! { <Result request=request.clone() query=query.clone()/> }.into_any()
    };
    view! {
        <Page title="Metrics" active="metrics" request=request.clone()>
            <div class="stack">
                <QueryForm request=request.clone() query/>
                <MetricForm request/>
                {below}
            </div>
        </Page>
    }
}

#[component]
fn QueryForm(request: PageRequest, query: String) -> impl IntoView {
    let reset = (!query.is_empty()).then(|| {
        view! { <a class="button" href=request.link("/metrics-explorer", &[])>"Examples"</a> }
    });
    view! {
        <form class="query-form" method="get" action="/metrics-explorer">
            <label class="field query-field">
                <span>"PromQL"</span>
                <textarea class="input mono" name="q" rows="2" spellcheck="false" autocomplete="off" data-search>
                    {query}
                </textarea>
            </label>
            <RangeFields request/>
            <div class="query-actions">
                <button class="button primary" type="submit"><Icon glyph=Glyph::Search/>"Run"</button>
                {reset}
            </div>
        </form>
    }
}

/// Finds a metric by its name or help, and asks a sensible question of it.
#[component]
fn MetricForm(request: PageRequest) -> impl IntoView {
    let (metrics, range) = (request.backends.metrics.clone(), request.range.range);
    let names = Suspend::new(async move {
        let asked = (
            answer(metrics.label_values("__name__", &[], range, MAX_NAMES)),
            answer(metrics.metadata(None, MAX_NAMES)),
        );
        // Without the list the field still takes any name.
        let (names, metadata) = futures::join!(asked.0, asked.1);
        let metadata: HashMap<String, MetricMetadata> =
            metadata.unwrap_or_default().into_iter().map(|m| (m.metric.clone(), m)).collect();
        let option = |name: String| {
            let help =
                suggest::families(&name).into_iter().find_map(|f| metadata.get(f)).map(|m| m.help.as_str());
            let help = shorten(help.unwrap_or_default(), HELP_CHARS);
            view! { <option value=name>{help}</option> }
        };
        names.unwrap_or_default().into_iter().map(option).collect_view()
    });
    view! {
        <form class="toolbar" method="get" action="/metrics-explorer" aria-label="Find a metric">
            <label class="field grow">
                <span>"Find a metric"</span>
                <input class="input mono" name="metric" list="metric-names" autocomplete="off" placeholder="http_server_…" required/>
            </label>
            <datalist id="metric-names"><Suspense>{names}</Suspense></datalist>
            <RangeFields request/>
            <button class="button" type="submit">"Ask"</button>
        </form>
    }
}
