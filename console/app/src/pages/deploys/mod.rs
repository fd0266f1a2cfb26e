//! Deploys: whether what runs is what git declares and what the cluster has, what Flux tells of it, and the history of the
//! GitOps folder.

mod cluster;
mod delivery;
mod flux;
mod versions;

use console_model::{
    cluster::Cluster,
    deploy::{DeclaredVersion, DeployCommit},
};
use console_storage::SourceError;
use console_ui::{Badge, Card, Dot, Empty, ErrorPanel, TableScroll, Tone};
use leptos::prelude::*;

use self::{
    cluster::{ClusterCard, NoCluster},
    delivery::{Applied, Delivery, Remark, Running, delivery, knows_workloads, named},
    flux::Flux,
    versions::{ServiceVersions, Verdict, compare},
};
use super::{
    moment::When,
    overview::{RUNNING_VERSIONS, running_versions},
    query::answer,
    sample::{Asked, instant},
};
use crate::{layout::Page, request::PageRequest, view::format};

const COMMITS_SHOWN: usize = 50;

#[component]
pub fn DeploysPage() -> impl IntoView {
    let request = PageRequest::current();
    let asked = request.clone();
    let content = Suspend::new(async move {
        let b = &asked.backends;
        let (history, declared, running, flux, cluster) = futures::join!(
            answer(b.deploys.history(COMMITS_SHOWN)),
            answer(b.deploys.declared_versions()),
            instant(b, RUNNING_VERSIONS, asked.now_ms),
            answer(b.flux.events()),
            answer(b.cluster.cluster()),
        );
        let watched = cluster.as_ref().ok().cloned().flatten();
        view! {
            <div data-live="versions" id="versions"><Versions declared running cluster=watched now_ms=asked.now_ms/></div>
            <div data-live="cluster" id="cluster"><ClusterState cluster now_ms=asked.now_ms/></div>
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
fn ClusterState(cluster: Result<Option<Cluster>, SourceError>, now_ms: i64) -> impl IntoView {
    match cluster {
        Err(error) => {
            view! { <ErrorPanel title="The cluster cannot be read" message=error.to_string()/> }.into_any()
        }
        Ok(None) => view! { <NoCluster/> }.into_any(),
        Ok(Some(cluster)) => view! { <ClusterCard cluster now_ms/> }.into_any(),
    }
}

/// A row of the versions with what the cluster has of its service, where one is watched.
struct Row {
    versions: ServiceVersions,
    delivery: Option<Delivery>,
}

impl Row {
    fn is_wrong_in_cluster(&self) -> bool {
        self.delivery.as_ref().is_some_and(Delivery::is_wrong)
    }
}

#[component]
fn Versions(
    declared: Result<Vec<DeclaredVersion>, SourceError>,
    running: Asked,
    cluster: Option<Cluster>,
    now_ms: i64,
) -> impl IntoView {
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
    let of_cluster = |versions: &ServiceVersions| {
        let declared = versions.declared.as_ref().map(|d| d.version.as_str());
        cluster.as_ref().map(|c| delivery(c, &versions.service, declared, now_ms))
    };
    let mut rows: Vec<Row> =
        rows.into_iter().map(|versions| Row { delivery: of_cluster(&versions), versions }).collect();
    rows.sort_by_key(|r| !r.is_wrong_in_cluster());
    let note = note(&rows, is_whole, cluster.as_ref());
    let columns = Columns { environments, cluster: cluster.is_some(), is_whole };
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
                            {columns.environments.then(|| view! { <th scope="col">"Environment"</th> })}
                            <th scope="col">"Verdict"</th>
                            <th scope="col">"Declared in git"</th>
                            {columns.cluster.then(|| view! {
                                <th scope="col">"Applied by Flux"</th>
                                <th scope="col">"Runs in the cluster"</th>
                            })}
                            <th scope="col">"Seen in telemetry"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {rows.into_iter().map(|r| version_row(r, columns, now_ms)).collect_view()}
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

/// What the table has, and whether both sides of a comparison are there.
#[derive(Clone, Copy)]
struct Columns {
    environments: bool,
    cluster: bool,
    is_whole: bool,
}

impl Columns {
    fn count(self) -> usize {
        4 + usize::from(self.environments) + if self.cluster { 2 } else { 0 }
    }
}

/// What all rows come to.
fn note(rows: &[Row], is_whole: bool, cluster: Option<&Cluster>) -> String {
    let apart =
        rows.iter().filter(|r| matches!(r.versions.verdict, Verdict::Differs | Verdict::Mixed)).count();
    let agrees = rows.iter().any(|r| r.versions.verdict == Verdict::Agrees);
    // What was not read agrees with nothing. What was, and does not have what is declared, is wrong.
    let has_cluster = cluster.is_some_and(knows_workloads)
        && rows.iter().any(|r| r.delivery.as_ref().is_some_and(|d| d.as_of_ms.is_none()));
    let wrong = rows.iter().filter(|r| r.is_wrong_in_cluster()).count();
    let mut told = match (is_whole, apart) {
        (false, _) => "one side is missing, so nothing is compared".to_owned(),
        (true, 0) if agrees && has_cluster && wrong == 0 => "git, cluster and telemetry agree".to_owned(),
        (true, 0) if agrees => "git and telemetry agree".to_owned(),
        (true, 0) => "nothing that git declares is seen in telemetry".to_owned(),
        (true, 1) => "1 service runs something else than git declares".to_owned(),
        (true, n) => format!("{n} services run something else than git declares"),
    };
    match wrong {
        0 => {}
        1 => told.push_str("; 1 is not right in the cluster"),
        n => told.push_str(&format!("; {n} are not right in the cluster")),
    }
    told
}

fn version_row(row: Row, columns: Columns, now_ms: i64) -> impl IntoView {
    let Row { versions: ServiceVersions { service, declared, running, verdict }, delivery } = row;
    let environment = declared.as_ref().and_then(|d| d.environment.clone());
    let environment = columns.environments.then(|| match environment {
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
    let differs = columns.is_whole && verdict == Verdict::Differs;
    let is_bad = differs || delivery.as_ref().is_some_and(Delivery::is_wrong);
    let class = if is_bad { "row-bad" } else { "" };
    let verdict = if !columns.is_whole {
        view! { <span class="muted">"not compared"</span> }.into_any()
    } else if verdict == Verdict::Agrees {
        view! { <span class="with-dot"><Dot tone=Tone::Ok/>"Agrees"</span> }.into_any()
    } else {
        view! { <Badge tone=verdict.tone()>{verdict.words()}</Badge> }.into_any()
    };
    let remarks = delivery.as_ref().map(|d| d.remarks.clone()).unwrap_or_default();
    let in_cluster = delivery.map(|d| in_cluster(&service, d, now_ms));
    view! {
        <tr class=class>
            <th scope="row">{service}</th>
            {environment}
            <td>{verdict}</td>
            <td>{declared}</td>
            {in_cluster}
            <td>{running}</td>
        </tr>
        {remarks_row(remarks, class, columns.count())}
    }
}

/// Two cells: what Flux applied and what runs.
fn in_cluster(service: &str, delivery: Delivery, now_ms: i64) -> impl IntoView + use<> {
    let Delivery { applied, running, as_of_ms, .. } = delivery;
    let as_of = as_of_ms
        .map(|at| view! { <div class="muted nowrap">{format!("as of {}", format::ago(at, now_ms))}</div> });
    let none = || view! { <span class="muted">"–"</span> };
    let applied_cell = if applied.is_empty() {
        none().into_any()
    } else {
        let one = |a: Applied| {
            let revision = a.revision.map(cluster::revision);
            let at = a.at_ms.map(|at| view! { " " <span class="muted"><When t_ms=at now_ms/></span> });
            view! { <div class="nowrap">{revision}{at}</div><div class="muted">{named(&a.applied_by)}</div> }
        };
        applied.into_iter().map(one).collect_view().into_any()
    };
    let running_cell = if running.is_empty() {
        none().into_any()
    } else {
        let one = |r: Running| {
            let name = (r.workload.name != service)
                .then(|| view! { <span class="muted">{r.workload.name.clone()}</span> });
            let version = r.version.unwrap_or_else(|| r.image.clone());
            let ready = format!("{} of {} ready", r.ready, r.desired);
            view! {
                <div class="version" title=r.image><span class="mono">{version}</span>{name}<span class="muted">{ready}</span></div>
            }
        };
        running.into_iter().map(one).collect_view().into_any()
    };
    view! { <td>{applied_cell}</td><td>{running_cell}{as_of}</td> }
}

/// Below the row that it is about.
fn remarks_row(remarks: Vec<Remark>, class: &'static str, columns: usize) -> Option<impl IntoView> {
    let one = |r: Remark| {
        view! { <div class="wrap-anywhere"><Badge tone=r.tone>{r.words}</Badge>" "{r.text}</div> }
    };
    (!remarks.is_empty()).then(|| {
        view! { <tr class=class><td colspan=columns>{remarks.into_iter().map(one).collect_view()}</td></tr> }
    })
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
