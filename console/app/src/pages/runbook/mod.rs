//! One page of the knowledge base. Its queries run: filled from labels, answered now, and linked.

mod blocks;

use console_model::{Labels, metric::QueryAnswer, runbook::Runbook};
use console_storage::SourceError;
use console_ui::{ButtonLink, Empty, ErrorPanel, Notice, Tone};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use self::blocks::{Block, Language, MAX_ANSWERED};
use super::{
    query::answer,
    sample::{self, instant},
};
use crate::{
    layout::Page,
    request::PageRequest,
    view::{chart_series, format, markup::escape},
};

const ROWS_SHOWN: usize = 6;

/// The page's address with the service that fills its queries.
pub fn address(slug: &str, service: &str) -> String {
    let slug = if slug.contains('/') { slug.to_owned() } else { format!("alerts/{slug}") };
    if service.is_empty() {
        return format!("/runbooks/{slug}");
    }
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    out.append_pair("service", service);
    format!("/runbooks/{slug}?{}", out.finish())
}

#[component]
pub fn RunbookPage() -> impl IntoView {
    let request = PageRequest::current();
    let slug = use_params_map().read_untracked().get("slug").unwrap_or_default();
    let content = Suspend::new(async move {
        match answer(request.backends.runbooks.get(&slug)).await {
            Ok(Some(runbook)) => {
                let labels = Labels::from_pairs(request.query.iter().map(|(n, v)| (n.as_str(), v.as_str())));
                let html = filled(&request, &runbook, &labels).await;
                let is_open = html.contains("{{ $labels");
                view! { <Content runbook html is_open request/> }.into_any()
            }
            Ok(None) => {
                PageRequest::set_status(http::StatusCode::NOT_FOUND);
                view! { <Unknown slug request/> }.into_any()
            }
            Err(error) => {
                PageRequest::set_status(http::StatusCode::BAD_GATEWAY);
                view! {
                    <Page title="Runbook" active="runbooks" parent=("Runbooks", "/runbooks") request timeless=true>
                        <ErrorPanel title="The knowledge base cannot be read" message=error.to_string()/>
                    </Page>
                }
                .into_any()
            }
        }
    });
    view! { <Suspense>{content}</Suspense> }
}

#[component]
fn Unknown(slug: String, request: PageRequest) -> impl IntoView {
    let shown: String = slug.chars().take(120).collect();
    view! {
        <Page title="No such page" active="runbooks" parent=("Runbooks", "/runbooks") request timeless=true>
            <section class="card lone">
                <Empty title="The knowledge base has no such page">
                    <p>"There is no " <code>{shown}</code> ". It may have been renamed or not written yet."</p>
                    <p class="row center"><ButtonLink href="/runbooks" primary=true>"All pages"</ButtonLink></p>
                </Empty>
            </section>
        </Page>
    }
}

#[component]
fn Content(runbook: Runbook, html: String, is_open: bool, request: PageRequest) -> impl IntoView {
    let hint = is_open.then(|| {
        view! {
            <Notice tone=Tone::Info>
                "Queries that name a label are filled when the page is opened from an alert, or with "
                <code>"?service=payments"</code> " in the address."
            </Notice>
        }
    });
    view! {
        <Page title=runbook.title active="runbooks" parent=("Runbooks", "/runbooks") request timeless=true>
            {hint}
            <section class="card runbook-page">
                <div class="card-body"><RunbookBody html/></div>
            </section>
        </Page>
    }
}

/// A page's HTML: sanitised by the source, and by nothing else than [`filled`] added to.
#[component]
pub fn RunbookBody(html: String) -> impl IntoView {
    view! { <div class="prose" inner_html=html></div> }
}

/// The page's HTML with labels filled in and, below each query, its answer now and a link.
pub async fn filled(request: &PageRequest, runbook: &Runbook, labels: &Labels) -> String {
    let html = blocks::fill(&runbook.html, labels);
    let found = blocks::blocks(&html);
    let answers = found.iter().enumerate().map(|(i, block)| below(request, block, i < MAX_ANSWERED));
    let below = futures::future::join_all(answers).await;
    blocks::insert(&html, &found, &below)
}

async fn below(request: &PageRequest, block: &Block, is_answered: bool) -> String {
    if block.is_open() {
        return String::new();
    }
    let (path, words) = block.language.place();
    let link = escape(&request.link(path, &[("q", &block.query)]));
    let answer = if is_answered && block.language == Language::Metrics {
        result(instant(&request.backends, &block.query, request.now_ms).await)
    } else {
        String::new()
    };
    format!(r#"<div class="query-below">{answer}<a class="query-run" href="{link}">{words}</a></div>"#)
}

/// The answer as rows of name and value.
fn result(answered: Result<QueryAnswer, SourceError>) -> String {
    let answered = match answered {
        Ok(answered) => answered,
        Err(error) => return format!(r#"<p class="query-none">{}</p>"#, escape(&error.to_string())),
    };
    let mut values = sample::values(&answered);
    if values.is_empty() {
        return r#"<p class="query-none">Now: no data</p>"#.to_owned();
    }
    values.sort_by(|a, b| b.1.total_cmp(&a.1));
    let more = values.len().saturating_sub(ROWS_SHOWN);
    let mut rows = String::new();
    for (labels, value) in values.iter().take(ROWS_SHOWN) {
        let name = if labels.is_empty() { "now".to_owned() } else { chart_series::name(labels, "") };
        let (name, value) = (escape(&name), escape(&format::number(*value)));
        rows.push_str(&format!("<tr><td>{name}</td><td class=\"num\">{value}</td></tr>"));
    }
    let more = if more > 0 { format!("<tr><td>and {more} more</td><td></td></tr>") } else { String::new() };
    format!(r#"<table class="query-now"><tbody>{rows}{more}</tbody></table>"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_escaped_and_failures_are_told() {
        let answered = crate::pages::testing::answer(&[(&[("fault", "<script>")], 1.0)]);
        let html = result(Ok(answered));
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
        assert!(result(Err(SourceError::Timeout)).contains("query timed out"));
        assert!(result(Ok(crate::pages::testing::answer(&[]))).contains("no data"));
    }

    #[test]
    fn addresses_carry_the_service() {
        assert_eq!(address("ServiceDown", "a&b"), "/runbooks/alerts/ServiceDown?service=a%26b");
        assert_eq!(address("guides/on-call", ""), "/runbooks/guides/on-call");
    }
}
