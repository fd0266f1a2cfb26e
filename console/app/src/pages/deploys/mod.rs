//! Deploys: whether what runs is what git declares, what Flux tells of it, and the history of the GitOps folder.

mod flux;
mod versions;

use console_model::deploy::{DeclaredVersion, DeployCommit};
use console_storage::SourceError;
use console_ui::{Badge, Card, Dot, Empty, ErrorPanel, TableScroll, Tone};
use leptos::prelude::*;

use self::{
    flux::Flux,
    versions::{ServiceVersions, Verdict, compare},
};
use super::{
    moment::When,
    overview::{RUNNING_VERSIONS, running_versions},
    query::answer,
    sample::{Asked, instant},
};
use crate::{layout::Page, request::PageRequest};

const COMMITS_SHOWN: usize = 50;

#[component]
pub fn DeploysPage() -> impl IntoView {
    let request = PageRequest::current();
    let asked = request.clone();
    let content = Suspend::new(async move {
        let b = &asked.backends;
        let (history, declared, running, flux) = futures::join!(
            answer(b.deploys.history(COMMITS_SHOWN)),
            answer(b.deploys.declared_versions()),
            instant(b, RUNNING_VERSIONS, asked.now_ms),
            answer(b.flux.events()),
        );
        view! {
            <div data-live="versions" id="versions"><Versions declared running/></div>
            <div data-live="flux" id="flux"><Flux events=flux now_ms=asked.now_ms/></div>
            <div data-live="history" id="history"><History history now_ms=asked.now_ms/></div>
        }
    });
    view! {
        <Page title="Deploys" active="deploys" request timeless=true>
            <Suspense>{content}</Suspense>
        </Page>
    }
}

#[component]
fn Versions(declared: Result<Vec<DeclaredVersion>, SourceError>, running: Asked) -> impl IntoView {
    let problems: Vec<(&str, String)> = [
        declared.as_ref().err().map(|e| ("Declared versions cannot be read", e.to_string())),
        running.as_ref().err().map(|e| ("Running versions cannot be read", e.to_string())),
    ]
    .into_iter()
    .flatten()
    .collect();
    let is_whole = problems.is_empty();
    let rows = compare(declared.unwrap_or_default(), &running_versions(&running));
    let environments = rows.iter().any(|r| r.declared.as_ref().is_some_and(|d| d.environment.is_some()));
    let apart = rows.iter().filter(|r| matches!(r.verdict, Verdict::Differs | Verdict::Mixed)).count();
    let note = match (is_whole, apart) {
        (false, _) => "one side is missing, so nothing is compared".to_owned(),
        (true, 0) if rows.iter().any(|r| r.verdict == Verdict::Agrees) => {
            "git and telemetry agree".to_owned()
        }
        (true, 0) => "nothing that git declares is seen in telemetry".to_owned(),
        (true, 1) => "1 service runs something else than git declares".to_owned(),
        (true, n) => format!("{n} services run something else than git declares"),
    };
    let body = if rows.is_empty() {
        view! {
            <Empty title="No version is known">
                <p>"Neither a manifest declares one nor does a service report one."</p>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <TableScroll label="Versions">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Service"</th>
                            {environments.then(|| view! { <th scope="col">"Environment"</th> })}
                            <th scope="col">"Verdict"</th>
                            <th scope="col">"Declared in git"</th>
                            <th scope="col">"Seen in telemetry"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {rows.into_iter().map(|r| version_row(r, is_whole, environments)).collect_view()}
                    </tbody>
                </table>
            </TableScroll>
        }
        .into_any()
    };
    view! {
        <Card title="Versions" note class="flush">
            {problems.into_iter().map(|(title, message)| view! { <ErrorPanel title message/> }).collect_view()}
            {body}
        </Card>
    }
}

fn version_row(row: ServiceVersions, is_whole: bool, environments: bool) -> impl IntoView {
    let ServiceVersions { service, declared, running, verdict } = row;
    let environment = declared.as_ref().and_then(|d| d.environment.clone());
    let environment = environments.then(|| match environment {
        Some(name) => view! { <td>{name}</td> }.into_any(),
        None => view! { <td class="muted">"–"</td> }.into_any(),
    });
    let declared = match declared {
        Some(d) => view! { <span class="mono" title=d.file>{d.version}</span> }.into_any(),
        None => view! { <span class="muted">"–"</span> }.into_any(),
    };
    let running = if running.is_empty() {
        view! { <span class="muted">"–"</span> }.into_any()
    } else {
        let one = |(version, n): (String, u64)| {
            let instances = if n == 1 { "1 instance".to_owned() } else { format!("{n} instances") };
            view! { <span class="version"><span class="mono">{version}</span><span class="muted">{instances}</span></span> }
        };
        running.into_iter().map(one).collect_view().into_any()
    };
    let class = if is_whole && verdict == Verdict::Differs { "row-bad" } else { "" };
    let verdict = if !is_whole {
        view! { <span class="muted">"not compared"</span> }.into_any()
    } else if verdict == Verdict::Agrees {
        view! { <span class="with-dot"><Dot tone=Tone::Ok/>"Agrees"</span> }.into_any()
    } else {
        view! { <Badge tone=verdict.tone()>{verdict.words()}</Badge> }.into_any()
    };
    view! {
        <tr class=class>
            <th scope="row">{service}</th>
            {environment}
            <td>{verdict}</td>
            <td>{declared}</td>
            <td>{running}</td>
        </tr>
    }
}

#[component]
fn History(history: Result<Vec<DeployCommit>, SourceError>, now_ms: i64) -> impl IntoView {
    let body = match history {
        Err(error) => {
            view! { <ErrorPanel title="The history cannot be read" message=error.to_string()/> }.into_any()
        }
        Ok(all) if all.is_empty() => view! {
            <Empty title="Nothing has been deployed"><p>"No commit touches the GitOps folder yet."</p></Empty>
        }
        .into_any(),
        Ok(all) => {
            let row = move |c: DeployCommit| {
                let short: String = c.sha.chars().take(8).collect();
                let services = if c.services.is_empty() {
                    view! { <span class="muted">"none"</span> }.into_any()
                } else {
                    let chips = c
                        .services
                        .iter()
                        .map(|s| view! { <span class="chip">{s.clone()}</span> })
                        .collect_view();
                    view! { <span class="chips">{chips}</span> }.into_any()
                };
                view! {
                    <tr>
                        <td><When t_ms=c.at_ms now_ms/></td>
                        <th scope="row" class="commit-what">
                            <a href=format!("/deploys/{}", c.sha)><span class="mono">{short}</span>" "{c.subject}</a>
                        </th>
                        <td class="nowrap">{c.author}</td>
                        <td>{services}</td>
                    </tr>
                }
            };
            view! {
                <TableScroll label="History">
                    <table class="table">
                        <thead>
                            <tr>
                                <th scope="col">"When"</th>
                                <th scope="col">"Commit"</th>
                                <th scope="col">"Author"</th>
                                <th scope="col">"Services touched"</th>
                            </tr>
                        </thead>
                        <tbody>{all.into_iter().map(row).collect_view()}</tbody>
                    </table>
                </TableScroll>
            }
            .into_any()
        }
    };
    view! { <Card title="History" note="commits of the GitOps folder, newest first" class="flush">{body}</Card> }
}
