//! The cluster as it is watched: whether it is heard, and each object of Flux with its state.

use console_model::cluster::{Cluster, ClusterWarning, FluxObject, FluxPhase, WatchState};
use console_ui::{Badge, Card, Dot, Empty, ErrorPanel, Notice, TableScroll, Tone};
use leptos::prelude::*;

use super::{
    delivery::{named, short_revision, suspended},
    flux::commit_of,
};
use crate::{
    pages::moment::When,
    view::{format, markup::shorten},
};

const OBJECTS_SHOWN: usize = 100;
const WARNINGS_SHOWN: usize = 10;
/// Characters of a message in the table; the whole stands in its title.
const MESSAGE_SHOWN: usize = 300;
const GUIDE: &str = "/runbooks/guides/point-at-your-own-stack";

/// Why something of the cluster is not known, or not of now.
#[derive(Debug, PartialEq, Eq)]
pub struct Trouble {
    pub tone: Tone,
    pub title: String,
    pub message: String,
}

/// What keeps the cluster from being known as it is, the worst first; nothing when all is.
pub fn troubles(cluster: &Cluster, now_ms: i64) -> Vec<Trouble> {
    let mut found = Vec::new();
    found.extend(stale(cluster, now_ms));
    for watched in &cluster.watched {
        let place = watched.namespace.as_ref().map(|n| format!(" in {n}")).unwrap_or_default();
        if let WatchState::Forbidden { verb, resource, message } = &watched.state {
            found.push(Trouble {
                tone: Tone::Bad,
                title: format!("The console's account may not {verb} {resource}{place}"),
                message: message.clone(),
            });
        }
        if let Some(unreadable) = &watched.unreadable {
            let title = format!("A {} cannot be read", watched.kind);
            found.push(Trouble { tone: Tone::Warn, title, message: unreadable.clone() });
        }
        if watched.is_cut && watched.kind != "Event" {
            let title = format!("There are more objects of the kind {}{place} than are kept", watched.kind);
            found.push(Trouble { tone: Tone::Warn, title, message: "The rest is not shown.".to_owned() });
        }
    }
    let starting = kinds(cluster, |state| *state == WatchState::Starting);
    if !starting.is_empty() {
        let title = "The cluster has not answered yet".to_owned();
        found.push(Trouble { tone: Tone::Info, title, message: starting.join(", ") });
    }
    found
}

/// The whole cluster, or some kinds of it.
fn stale(cluster: &Cluster, now_ms: i64) -> Option<Trouble> {
    let losses = cluster.watched.iter().filter_map(|w| match &w.state {
        WatchState::Stale { since_ms, reason } => Some((*since_ms, reason)),
        _ => None,
    });
    let (since_ms, reason) = losses.min_by_key(|(since_ms, _)| *since_ms)?;
    let is_heard = cluster.watched.iter().any(|w| w.state == WatchState::Current);
    let lost = kinds(cluster, |state| matches!(state, WatchState::Stale { .. }));
    let title = if is_heard {
        format!("Nothing is heard of the cluster's kinds {}", lost.join(", "))
    } else {
        "The cluster cannot be reached".to_owned()
    };
    let since = format!("{} UTC, {}", format::time_utc(since_ms), format::ago(since_ms, now_ms));
    let message = format!("{}: {reason}. Since {since}; what stands here is of then.", cluster.address);
    Some(Trouble { tone: Tone::Bad, title, message })
}

/// Names of kinds in a state, each once.
fn kinds(cluster: &Cluster, is_so: impl Fn(&WatchState) -> bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for watched in cluster.watched.iter().filter(|w| is_so(&w.state)) {
        if !found.contains(&watched.kind) {
            found.push(watched.kind.clone());
        }
    }
    found
}

/// What fails first, then what is suspended, then what is on its way.
fn ordered(mut objects: Vec<FluxObject>) -> Vec<FluxObject> {
    objects.sort_by_key(|f| match (f.phase, f.suspended.is_some()) {
        (FluxPhase::Failed, false) => 0,
        (FluxPhase::Failed, true) => 1,
        (_, true) => 2,
        (FluxPhase::Reconciling, false) => 3,
        (FluxPhase::Ready, false) => 4,
    });
    objects
}

/// `1 fails, 2 are suspended`.
fn summary(objects: &[FluxObject]) -> String {
    let count = |is_so: fn(&FluxObject) -> bool| objects.iter().filter(|o| is_so(o)).count();
    let counts = [
        (count(|o| o.phase == FluxPhase::Failed), "fails", "fail"),
        (count(|o| o.suspended.is_some()), "is suspended", "are suspended"),
        (
            count(|o| o.phase == FluxPhase::Reconciling && o.suspended.is_none()),
            "is on its way",
            "are on their way",
        ),
    ];
    let told: Vec<String> = counts
        .into_iter()
        .filter(|(n, _, _)| *n > 0)
        .map(|(n, one, many)| format!("{n} {}", if n == 1 { one } else { many }))
        .collect();
    if told.is_empty() { "everything is ready".to_owned() } else { told.join(", ") }
}

#[component]
pub fn ClusterCard(cluster: Cluster, now_ms: i64) -> impl IntoView {
    let troubles = troubles(&cluster, now_ms);
    let is_known = troubles.iter().all(|t| t.tone != Tone::Bad && t.tone != Tone::Info);
    let absent = kinds(&cluster, |state| *state == WatchState::NotInstalled);
    let absent = (!absent.is_empty()).then(|| {
        view! { <p class="card-text muted">{format!("Not installed in the cluster: {}.", absent.join(", "))}</p> }
    });
    let Cluster { address, flux, warnings, .. } = cluster;
    let note = match (is_known, flux.is_empty()) {
        (true, false) => format!("{address}: {}", summary(&flux)),
        (false, false) => format!("{address}: not all is known"),
        (_, true) => address,
    };
    let left_out = flux.len().saturating_sub(OBJECTS_SHOWN);
    let body = if flux.is_empty() {
        is_known
            .then(|| {
                view! {
                    <Empty title="Flux has no objects here">
                        <p>"No Kustomization, HelmRelease or source is in the namespaces that are watched."</p>
                    </Empty>
                }
            })
            .into_any()
    } else {
        view! {
            <TableScroll label="Objects of Flux">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Object"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Applied"</th>
                            <th scope="col">"Message"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {ordered(flux)
                            .into_iter()
                            .take(OBJECTS_SHOWN)
                            .map(|f| flux_row(f, now_ms))
                            .collect_view()}
                    </tbody>
                </table>
            </TableScroll>
        }
        .into_any()
    };
    let rest = (left_out > 0)
        .then(|| view! { <p class="card-text muted">{format!("{left_out} more are not shown.")}</p> });
    view! {
        <Card title="Cluster" note class="flush">
            {troubles.into_iter().map(trouble).collect_view()}
            {body}
            {rest}
            {absent}
            <Warnings warnings now_ms/>
        </Card>
    }
}

/// One line where no cluster is watched.
#[component]
pub fn NoCluster() -> impl IntoView {
    view! {
        <p class="muted">
            "No cluster is watched, so what Flux applied and which images run is not known. "
            <a href=GUIDE>"Point the console at your own stack"</a>
        </p>
    }
}

fn trouble(trouble: Trouble) -> AnyView {
    let Trouble { tone, title, message } = trouble;
    if tone == Tone::Bad {
        return view! { <ErrorPanel title message/> }.into_any();
    }
    view! {
        <Notice tone>
            <p class="strong">{title}</p>
            <p class="wrap-anywhere">{message}</p>
        </Notice>
    }
    .into_any()
}

/// A revision that leads to its commit where it is one.
pub fn revision(revision: String) -> AnyView {
    let shown = short_revision(&revision);
    match commit_of(&revision).map(|hash| format!("/deploys/{hash}")) {
        Some(href) => view! { <a class="mono" href=href title=revision>{shown}</a> }.into_any(),
        None => view! { <span class="mono" title=revision>{shown}</span> }.into_any(),
    }
}

fn flux_row(flux: FluxObject, now_ms: i64) -> impl IntoView {
    let place = format!("{}/{}", flux.object.namespace, flux.object.name);
    let source = flux.source.as_ref().map(|s| {
        let place = format!("{}/{}", s.namespace, s.name);
        view! { <div class="muted" title=place>{format!("from {}", named(s))}</div> }
    });
    let since = flux.since_ms.map(|at| view! { <When t_ms=at now_ms/> });
    let state = match (&flux.suspended, flux.phase) {
        (Some(suspension), phase) => {
            let words = suspended(suspension, now_ms);
            let tone = if phase == FluxPhase::Failed { Tone::Bad } else { Tone::Warn };
            view! { <Badge tone>"Suspended"</Badge><div class="muted">{words}</div> }.into_any()
        }
        (None, FluxPhase::Ready) => {
            view! { <span class="with-dot"><Dot tone=Tone::Ok/>"Ready"</span><div class="muted nowrap">{since}</div> }.into_any()
        }
        (None, phase) => {
            let (tone, words) = if phase == FluxPhase::Failed {
                (Tone::Bad, flux.reason.clone())
            } else {
                (Tone::Info, "Reconciling".to_owned())
            };
            let words = if words.is_empty() { "Failed".to_owned() } else { words };
            view! { <Badge tone>{words}</Badge><div class="muted nowrap">{since}</div> }.into_any()
        }
    };
    let applied = match flux.applied_revision.clone() {
        Some(applied) => {
            let at =
                flux.applied_at_ms.map(|at| view! { <div class="muted nowrap"><When t_ms=at now_ms/></div> });
            view! { {revision(applied)}{at} }.into_any()
        }
        None => view! { <span class="muted">"nothing"</span> }.into_any(),
    };
    let attempted = flux.attempted_revision.filter(|a| Some(a) != flux.applied_revision.as_ref());
    let attempted = attempted
        .map(|a| view! { <div class="nowrap"><span class="muted">"tried "</span>{revision(a)}</div> });
    let message = flux.message;
    let class = if flux.phase == FluxPhase::Failed {
        "row-bad"
    } else if flux.suspended.is_some() {
        "row-warn"
    } else {
        ""
    };
    view! {
        <tr class=class>
            <th scope="row" class="flux-object" title=place>
                <div><span class="muted">{flux.object.kind}</span>" "{flux.object.name}</div>
                {source}
            </th>
            <td>{state}</td>
            <td>{applied}{attempted}</td>
            <td class="flux-message" title=message.clone()>{shorten(&message, MESSAGE_SHOWN)}</td>
        </tr>
    }
}

#[component]
fn Warnings(warnings: Vec<ClusterWarning>, now_ms: i64) -> impl IntoView {
    if warnings.is_empty() {
        return ().into_any();
    }
    let row = move |w: ClusterWarning| {
        let place = format!("{}/{}", w.object.namespace, w.object.name);
        let times = if w.count > 1 { format!("{} times", w.count) } else { "once".to_owned() };
        view! {
            <tr>
                <td class="nowrap"><When t_ms=w.at_ms now_ms/><div class="muted">{times}</div></td>
                <th scope="row" class="flux-object" title=place>
                    <div><span class="muted">{w.object.kind}</span>" "{w.object.name}</div>
                    {w.reason}
                </th>
                <td class="flux-message" title=w.message.clone()>{shorten(&w.message, MESSAGE_SHOWN)}</td>
            </tr>
        }
    };
    view! {
        <TableScroll label="Warnings of the cluster">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Warned"</th>
                        <th scope="col">"Object, reason"</th>
                        <th scope="col">"Message"</th>
                    </tr>
                </thead>
                <tbody>{warnings.into_iter().take(WARNINGS_SHOWN).map(row).collect_view()}</tbody>
            </table>
        </TableScroll>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use console_model::cluster::{ObjectRef, Suspension, WatchedKind};

    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn watched(kind: &str, state: WatchState) -> WatchedKind {
        WatchedKind { kind: kind.into(), namespace: None, state, is_cut: false, unreadable: None }
    }

    fn cluster(states: Vec<WatchedKind>) -> Cluster {
        Cluster { address: "https://c:6443".into(), watched: states, ..Cluster::default() }
    }

    fn stale(since_ms: i64) -> WatchState {
        WatchState::Stale { since_ms, reason: "connection refused".into() }
    }

    #[test]
    fn a_cluster_that_is_heard_has_no_troubles() {
        let states = vec![
            watched("Deployment", WatchState::Current),
            watched("HelmRelease", WatchState::NotInstalled),
        ];
        assert_eq!(troubles(&cluster(states), NOW_MS), []);
    }

    #[test]
    fn a_cluster_that_is_not_heard_says_since_when() {
        let states = vec![
            watched("Deployment", stale(NOW_MS - 60_000)),
            watched("Kustomization", stale(NOW_MS - 120_000)),
            watched("HelmRelease", WatchState::NotInstalled),
        ];
        let told = troubles(&cluster(states.clone()), NOW_MS);
        assert_eq!(told[0].title, "The cluster cannot be reached");
        assert_eq!(
            told[0].message,
            "https://c:6443: connection refused. Since 2027-01-15 07:58:00 UTC, 2 min ago; what stands here is of then."
        );
        let mut partly = states;
        partly.push(watched("StatefulSet", WatchState::Current));
        let told = troubles(&cluster(partly), NOW_MS);
        assert_eq!(told[0].title, "Nothing is heard of the cluster's kinds Deployment, Kustomization");
    }

    #[test]
    fn a_right_that_is_lacking_is_named() {
        let state = WatchState::Forbidden {
            verb: "watch".into(),
            resource: "deployments.apps".into(),
            message: "deployments.apps is forbidden".into(),
        };
        let mut lacking = watched("Deployment", state);
        lacking.namespace = Some("shop".into());
        let told = troubles(&cluster(vec![lacking]), NOW_MS);
        assert_eq!(told[0].title, "The console's account may not watch deployments.apps in shop");
        assert_eq!((told[0].tone, told[0].message.as_str()), (Tone::Bad, "deployments.apps is forbidden"));
    }

    #[test]
    fn what_is_not_whole_is_said() {
        let mut many = watched("Deployment", WatchState::Current);
        many.is_cut = true;
        many.unreadable = Some("shop/odd: invalid type".into());
        let told = troubles(&cluster(vec![many, watched("Event", WatchState::Starting)]), NOW_MS);
        let titles: Vec<&str> = told.iter().map(|t| t.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "A Deployment cannot be read",
                "There are more objects of the kind Deployment than are kept",
                "The cluster has not answered yet"
            ]
        );
    }

    #[test]
    fn what_fails_stands_first_and_is_counted() {
        let object = |name: &str, phase: FluxPhase, is_suspended: bool| FluxObject {
            object: ObjectRef { kind: "Kustomization".into(), namespace: "f".into(), name: name.into() },
            phase,
            reason: String::new(),
            message: String::new(),
            since_ms: None,
            suspended: is_suspended.then_some(Suspension { manager: None, at_ms: None }),
            applied_revision: None,
            applied_at_ms: None,
            attempted_revision: None,
            source: None,
        };
        let all = vec![
            object("ready", FluxPhase::Ready, false),
            object("coming", FluxPhase::Reconciling, false),
            object("held", FluxPhase::Ready, true),
            object("failed", FluxPhase::Failed, false),
        ];
        assert_eq!(summary(&all), "1 fails, 1 is suspended, 1 is on its way");
        assert_eq!(summary(&all[..1]), "everything is ready");
        let order: Vec<String> = ordered(all).into_iter().map(|o| o.object.name).collect();
        assert_eq!(order, ["failed", "held", "coming", "ready"]);
    }
}
