//! Labels of the range with their values; a press on a value adds it to the query.

use console_model::TimeRange;
use console_storage::SourceError;
use console_ui::{Glyph, Icon};
use leptos::prelude::*;

use super::{
    FILTER_FORM,
    selector::{Filter, Place},
};
use crate::{
    backends::Backends,
    pages::query::{QueryProblem, answer},
    request::PageRequest,
    view::markup::shorten,
};

/// Labels and values that are listed; more are counted.
const MAX_LABELS: usize = 12;
const MAX_VALUES: usize = 24;

/// One label and what is known of its values.
struct Known {
    name: String,
    values: Result<Vec<String>, SourceError>,
}

async fn load(backends: &Backends, range: TimeRange) -> Result<(Vec<Known>, usize), SourceError> {
    let mut names = answer(backends.logs.label_names(range)).await?;
    names.retain(|n| !n.starts_with("__"));
    let left_out = names.len().saturating_sub(MAX_LABELS);
    names.truncate(MAX_LABELS);
    let asked = names.into_iter().map(|name| async move {
        let values = answer(backends.logs.label_values(&name, range)).await;
        Known { name, values }
    });
    Ok((futures::future::join_all(asked).await, left_out))
}

/// Folded away until wanted: those who know the query language do not need it.
#[component]
pub fn LabelBrowser(request: PageRequest) -> impl IntoView {
    let listed = Suspend::new(async move {
        match load(&request.backends, request.range.range).await {
            Err(error) => view! { <QueryProblem title="Labels" query="" error/> }.into_any(),
            Ok((labels, _)) if labels.is_empty() => {
                view! { <p class="muted">"No log line arrived in this time range."</p> }.into_any()
            }
            Ok((labels, left_out)) => {
                let more = (left_out > 0)
                    .then(|| view! { <p class="muted">{format!("and {left_out} more labels")}</p> });
                view! { <dl class="labels">{labels.into_iter().map(label).collect_view()}</dl>{more} }
                    .into_any()
            }
        }
    });
    view! {
        <details class="label-browser">
            <summary><Icon glyph=Glyph::Filter/>"Labels of this time range"</summary>
            <Suspense>{listed}</Suspense>
        </details>
    }
}

fn label(Known { name, values }: Known) -> impl IntoView {
    let list = match values {
        Err(error) => view! { <span class="muted">{error.to_string()}</span> }.into_any(),
        Ok(values) => {
            let more = values.len().saturating_sub(MAX_VALUES);
            let chip = |value: &String| {
                let add = Filter::new(Place::Stream, name.clone(), value.clone()).to_param();
                let title = format!("Only lines with {name} {value}");
                view! {
                    <button class="chip" type="submit" form=FILTER_FORM name="add" value=add title=title>
                        {shorten(value, 60)}
                    </button>
                }
            };
            let chips = values.iter().take(MAX_VALUES).map(chip).collect_view();
            let more = (more > 0).then(|| view! { <span class="muted">{format!("and {more} more")}</span> });
            view! { {chips}{more} }.into_any()
        }
    };
    view! { <div><dt class="mono">{name.clone()}</dt><dd>{list}</dd></div> }
}
