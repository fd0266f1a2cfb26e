//! What the console is made of and how it is.

use console_ui::{Badge, Card, Empty, Stat, TableScroll, Tone};
use leptos::prelude::*;

use super::moment::When;
use crate::{
    about::{About, Component, ScrapeTarget},
    layout::Page,
    request::PageRequest,
    view::format,
};

#[component]
pub fn AboutPage() -> impl IntoView {
    let request = PageRequest::current();
    let (source, now_ms) = (request.backends.about.clone(), request.now_ms);
    let content = Suspend::new(async move {
        let about = source.about().await;
        view! { <div class="stack about" data-live="about" id="about"><Content about now_ms/></div> }
    });
    view! {
        <Page title="About" active="about" request timeless=true>
            <Suspense>{content}</Suspense>
        </Page>
    }
}

#[component]
fn Content(about: About, now_ms: i64) -> impl IntoView {
    let About { version, started_at_ms, components, targets, discovery_problems } = about;
    let uptime = format::duration_ns((now_ms - started_at_ms).max(0) / 1000 * 1_000_000_000);
    let up = targets.iter().filter(|t| t.is_up).count();
    let count = targets.len();
    let tone = if up < count { Tone::Warn } else { Tone::Neutral };
    let health = if count == 0 { "none".to_owned() } else { format!("{up} of {count} up") };
    let body = if targets.is_empty() {
        view! { <Empty title="Nothing is scraped"><p>"No scrape configuration is given; metrics may still arrive by other ways."</p></Empty> }
            .into_any()
    } else {
        view! { <Targets targets now_ms/> }.into_any()
    };
    view! {
        <section class="card">
            <div class="card-body stats">
                <Stat label="Version" value=version/>
                <Stat label="Up for" value=uptime note=format!("since {} UTC", format::time_utc(started_at_ms))/>
                <Stat label="Scrape targets" value=health tone/>
            </div>
        </section>
        <div class="grid-3">
            {components.into_iter().map(|c| view! { <ComponentCard component=c/> }).collect_view()}
        </div>
        {(!discovery_problems.is_empty()).then(|| view! { <DiscoveryProblems problems=discovery_problems/> })}
        <Card title="Scrape targets" note=format!("{count} configured") id="targets" class="flush">{body}</Card>
    }
}

#[component]
fn ComponentCard(component: Component) -> impl IntoView {
    let Component { name, backend, facts } = component;
    let body = if facts.is_empty() {
        view! { <p class="muted">"Nothing to tell."</p> }.into_any()
    } else {
        let rows =
            facts.into_iter().map(|(label, value)| view! { <dt>{label}</dt><dd class="num">{value}</dd> });
        view! { <dl class="facts spread">{rows.collect_view()}</dl> }.into_any()
    };
    view! { <Card title=name note=backend>{body}</Card> }
}

#[component]
fn DiscoveryProblems(problems: Vec<(String, String)>) -> impl IntoView {
    let row = |(job, problem): (String, String)| {
        view! { <tr><th scope="row" class="wrap-anywhere">{job}</th><td class="wrap-anywhere"><span class="error-message">{problem}</span></td></tr> }
    };
    view! {
        <Card title="Targets that may be missing or old" id="discovery" class="flush">
            <TableScroll label="Targets that may be missing or old">
                <table class="table">
                    <thead><tr><th scope="col">"Job"</th><th scope="col">"What is wrong"</th></tr></thead>
                    <tbody>{problems.into_iter().map(row).collect_view()}</tbody>
                </table>
            </TableScroll>
        </Card>
    }
}

#[component]
fn Targets(targets: Vec<ScrapeTarget>, now_ms: i64) -> impl IntoView {
    let mut targets = targets;
    targets.sort_by(|a, b| (a.is_up, &a.job, &a.instance).cmp(&(b.is_up, &b.job, &b.instance)));
    let row = move |t: ScrapeTarget| {
        let (tone, words) = match (t.is_up, t.last_scrape_ms) {
            (true, _) => (Tone::Ok, "Up"),
            (false, None) => (Tone::Neutral, "Not scraped yet"),
            (false, Some(_)) => (Tone::Bad, "Down"),
        };
        let last = match t.last_scrape_ms {
            Some(at) => view! { <When t_ms=at now_ms/> }.into_any(),
            None => view! { <span class="muted">"never"</span> }.into_any(),
        };
        let took = if t.last_scrape_ms.is_some() {
            format::duration_ns((t.duration_ms as i64).saturating_mul(1_000_000))
        } else {
            "–".to_owned()
        };
        view! {
            <tr class=if tone == Tone::Bad { "row-bad" } else { "" }>
                <th scope="row">{t.job}</th>
                <td class="mono">{t.instance}</td>
                <td><Badge tone>{words}</Badge></td>
                <td>{last}</td>
                <td class="num">{took}</td>
                <td class="wrap-anywhere">
                    {match t.last_error {
                        Some(error) => view! { <span class="error-message">{error}</span> }.into_any(),
                        None => view! { <span class="muted mono">{t.url}</span> }.into_any(),
                    }}
                </td>
            </tr>
        }
    };
    view! {
        <TableScroll label="Scrape targets">
            <table class="table targets">
                <thead>
                    <tr>
                        <th scope="col">"Job"</th>
                        <th scope="col">"Instance"</th>
                        <th scope="col">"Health"</th>
                        <th scope="col">"Last scrape"</th>
                        <th scope="col" class="num">"Took"</th>
                        <th scope="col">"Address, or what went wrong"</th>
                    </tr>
                </thead>
                <tbody>{targets.into_iter().map(row).collect_view()}</tbody>
            </table>
        </TableScroll>
    }
}
