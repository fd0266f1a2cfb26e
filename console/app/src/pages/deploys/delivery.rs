//! What the cluster has of a service: what Flux applied, what runs, and why that is not what git declares.

use console_model::cluster::{
    Cluster, ClusterWorkload, FluxObject, FluxPhase, ObjectRef, Suspension, WatchState,
};
use console_ui::Tone;

use super::{flux::commit_of, versions::same_version};
use crate::view::{format, markup::shorten};

/// Characters of a message in a sentence; the whole stands with the object itself.
const MESSAGE_SHOWN: usize = 300;
const HASH_SHOWN: usize = 8;

/// One service in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What applied it, by workload; each once.
    pub applied: Vec<Applied>,
    pub running: Vec<Running>,
    /// The worst first.
    pub remarks: Vec<Remark>,
    /// What is told here is of then: the cluster has not been heard since.
    pub as_of_ms: Option<i64>,
}

/// What Flux applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub applied_by: ObjectRef,
    /// None: nothing yet.
    pub revision: Option<String>,
    pub at_ms: Option<i64>,
}

/// What a workload runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    pub workload: ObjectRef,
    pub version: Option<String>,
    pub image: String,
    pub ready: u32,
    pub desired: u32,
}

/// Something that a reader should know, in a word and in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    pub tone: Tone,
    pub words: &'static str,
    pub text: String,
}

impl Delivery {
    pub fn is_wrong(&self) -> bool {
        self.remarks.iter().any(|r| r.tone == Tone::Bad)
    }
}

/// What the cluster has of a service, of which git declares a version or nothing.
pub fn delivery(cluster: &Cluster, service: &str, declared: Option<&str>, now_ms: i64) -> Delivery {
    let mine: Vec<&ClusterWorkload> =
        cluster.workloads.iter().filter(|w| w.object.name == service || is_primary(w, service)).collect();
    let mut found = Delivery {
        applied: Vec::new(),
        running: mine.iter().map(|w| running(w)).collect(),
        remarks: Vec::new(),
        as_of_ms: as_of(cluster),
    };
    if let (true, Some(version)) = (mine.is_empty(), declared)
        && knows_workloads(cluster)
    {
        found.remarks.push(Remark {
            tone: Tone::Bad,
            words: "Not in the cluster",
            text: format!("git declares {version}, but no Deployment or StatefulSet of this name is there"),
        });
    }
    for workload in &mine {
        let is_judged = mine.iter().any(|other| is_primary(other, &workload.object.name));
        let flux = workload.applied_by.as_ref().and_then(|object| cluster.flux_object(object));
        if let Some(object) = &workload.applied_by
            && !found.applied.iter().any(|a| a.applied_by == *object)
        {
            found.applied.push(Applied {
                applied_by: object.clone(),
                revision: flux.and_then(|f| f.applied_revision.clone()),
                at_ms: flux.and_then(|f| f.applied_at_ms),
            });
        }
        let version = running(workload).version;
        let difference = match (declared, version) {
            (Some(wanted), Some(version)) if !same_version(wanted, &version) => Some((wanted, version)),
            _ => None,
        };
        if is_primary(workload, service) {
            found.remarks.extend(difference.map(|(wanted, version)| judged(workload, wanted, &version)));
        } else {
            found.remarks.extend(of_flux(workload, flux, difference, now_ms));
        }
        // What a canary leaves without pods is not to be ready.
        if !(is_judged && workload.desired == 0) {
            found.remarks.extend(of_pods(cluster, workload, now_ms));
        }
    }
    found.remarks.dedup();
    found.remarks.sort_by_key(|r| match r.tone {
        Tone::Bad => 0,
        Tone::Warn => 1,
        _ => 2,
    });
    found
}

/// `Kustomization apps`.
pub fn named(object: &ObjectRef) -> String {
    format!("{} {}", object.kind, object.name)
}

/// `suspended by flux 5 min ago`.
pub fn suspended(suspension: &Suspension, now_ms: i64) -> String {
    let by = suspension.manager.as_deref().map(|m| format!(" by {m}")).unwrap_or_default();
    let at = suspension.at_ms.map(|at| format!(" {}", format::ago(at, now_ms))).unwrap_or_default();
    format!("suspended{by}{at}")
}

/// A commit's first digits, or what else a revision says.
pub fn short_revision(revision: &str) -> String {
    match commit_of(revision) {
        Some(hash) => hash[..HASH_SHOWN].to_owned(),
        None => shorten(revision, 40),
    }
}

/// Flagger serves from a copy of the Deployment until it has judged a new version.
fn is_primary(workload: &ClusterWorkload, service: &str) -> bool {
    workload.object.name.strip_suffix("-primary") == Some(service)
}

fn running(workload: &ClusterWorkload) -> Running {
    let first = workload.containers.first();
    Running {
        workload: workload.object.clone(),
        version: first.and_then(|c| c.version.clone()),
        image: first.map(|c| c.image.clone()).unwrap_or_default(),
        ready: workload.ready,
        desired: workload.desired,
    }
}

fn judged(workload: &ClusterWorkload, wanted: &str, version: &str) -> Remark {
    let name = &workload.object.name;
    let text = format!("{name} still serves {version}: {wanted} is judged first");
    Remark { tone: Tone::Info, words: "Being judged", text }
}

/// What the Kustomization or release says of it.
fn of_flux(
    workload: &ClusterWorkload,
    flux: Option<&FluxObject>,
    difference: Option<(&str, String)>,
    now_ms: i64,
) -> Vec<Remark> {
    let mut found = Vec::new();
    let says = flux.map(|f| state_of(f, now_ms));
    if let Some((wanted, version)) = &difference {
        let applied = flux.and_then(|f| {
            let revision = short_revision(f.applied_revision.as_deref()?);
            let at = f.applied_at_ms.map(|at| format!(" {}", format::ago(at, now_ms))).unwrap_or_default();
            Some(format!(" of {revision}{at}"))
        });
        let why = match (&workload.applied_by, &says) {
            (Some(object), Some(says)) => format!(": {}: {says}", named(object)),
            (Some(object), None) => format!(": {} is not known", named(object)),
            (None, _) => ": nothing of Flux applied it".to_owned(),
        };
        let applied = applied.unwrap_or_default();
        let is_coming = flux.is_some_and(|f| f.phase == FluxPhase::Reconciling && f.suspended.is_none());
        found.push(Remark {
            tone: if is_coming { Tone::Warn } else { Tone::Bad },
            words: "Not applied",
            text: format!("declared {wanted}, applied {version}{applied}{why}"),
        });
    }
    let Some((object, says)) = flux.zip(says) else { return found };
    let whole = || format!("{}: {says}", named(&object.object));
    if object.suspended.is_some() {
        found.push(Remark { tone: Tone::Warn, words: "Suspended", text: whole() });
    } else if object.phase == FluxPhase::Failed && difference.is_none() {
        found.push(Remark { tone: Tone::Bad, words: "Flux fails", text: whole() });
    }
    found
}

/// What an object of Flux says of itself.
fn state_of(object: &FluxObject, now_ms: i64) -> String {
    let message = match object.message.as_str() {
        "" if object.reason.is_empty() => "nothing is told yet",
        "" => object.reason.as_str(),
        message => message,
    };
    match &object.suspended {
        Some(suspension) => suspended(suspension, now_ms),
        None => shorten(message, MESSAGE_SHOWN),
    }
}

/// Pods that are not ready or not of the newest template, with the reason that the cluster tells.
fn of_pods(cluster: &Cluster, workload: &ClusterWorkload, now_ms: i64) -> Option<Remark> {
    let ClusterWorkload { object, desired, updated, ready, is_observed, .. } = workload;
    if *is_observed && updated >= desired && ready >= desired {
        return None;
    }
    let of = |kind: &str, is_true: bool| {
        workload.conditions.iter().find(|c| c.kind == kind && c.is_true == is_true)
    };
    let stuck = of("Progressing", false).or(of("ReplicaFailure", true));
    let warning = cluster.warnings.iter().find(|w| w.owner == *object);
    let why = match (stuck, warning) {
        (_, Some(w)) => {
            let times = if w.count > 1 { format!("{} times, ", w.count) } else { String::new() };
            let message = shorten(&w.message, MESSAGE_SHOWN);
            format!(": {}: {message} ({times}{})", w.reason, format::ago(w.at_ms, now_ms))
        }
        (Some(c), None) => format!(": {}: {}", c.reason, shorten(&c.message, MESSAGE_SHOWN)),
        (None, None) => String::new(),
    };
    let updating = match (is_observed, updated < desired) {
        (false, _) => ", and the newest specification is not looked at yet".to_owned(),
        (true, true) => format!(", {updated} of the newest version"),
        (true, false) => String::new(),
    };
    Some(Remark {
        tone: if stuck.is_some() { Tone::Bad } else { Tone::Warn },
        words: if stuck.is_some() { "Rollout stuck" } else { "Not all ready" },
        text: format!("{}: {ready} of {desired} ready{updating}{why}", named(object)),
    })
}

/// What is watched and says whether a service is there.
fn workload_watches(cluster: &Cluster) -> impl Iterator<Item = &WatchState> {
    let of_interest =
        |kind: &str| matches!(kind, "Deployment" | "StatefulSet" | "Kustomization" | "HelmRelease");
    cluster.watched.iter().filter(move |w| of_interest(&w.kind)).map(|w| &w.state)
}

/// Whether what is not among the workloads is not there.
pub fn knows_workloads(cluster: &Cluster) -> bool {
    cluster
        .watched
        .iter()
        .filter(|w| matches!(w.kind.as_str(), "Deployment" | "StatefulSet"))
        .all(|w| w.state == WatchState::Current && !w.is_cut)
}

fn as_of(cluster: &Cluster) -> Option<i64> {
    let since = |state: &WatchState| match state {
        WatchState::Stale { since_ms, .. } => Some(*since_ms),
        _ => None,
    };
    workload_watches(cluster).filter_map(since).min()
}

#[cfg(test)]
mod tests {
    use console_model::cluster::{ClusterWarning, WatchedKind, WorkloadCondition, WorkloadContainer};

    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;
    const MINUTE_MS: i64 = 60_000;

    fn object(kind: &str, name: &str) -> ObjectRef {
        ObjectRef { kind: kind.into(), namespace: "n".into(), name: name.into() }
    }

    fn apps(phase: FluxPhase, message: &str) -> FluxObject {
        FluxObject {
            object: object("Kustomization", "apps"),
            phase,
            reason: "Reason".into(),
            message: message.into(),
            since_ms: Some(NOW_MS - MINUTE_MS),
            suspended: None,
            applied_revision: Some("main@sha1:4f2a9c1e7b3d5f60718293a4b5c6d7e8f9012345".into()),
            applied_at_ms: Some(NOW_MS - 2 * MINUTE_MS),
            attempted_revision: None,
            source: None,
        }
    }

    fn workload(name: &str, version: &str) -> ClusterWorkload {
        let image = format!("r/{name}:{version}");
        ClusterWorkload {
            object: object("Deployment", name),
            containers: vec![WorkloadContainer { name: "c".into(), image, version: Some(version.into()) }],
            desired: 2,
            updated: 2,
            ready: 2,
            is_observed: true,
            conditions: Vec::new(),
            applied_by: Some(object("Kustomization", "apps")),
        }
    }

    fn cluster(flux: Vec<FluxObject>, workloads: Vec<ClusterWorkload>) -> Cluster {
        let watched = |kind: &str| WatchedKind {
            kind: kind.into(),
            namespace: None,
            state: WatchState::Current,
            is_cut: false,
            unreadable: None,
        };
        let kinds = ["Kustomization", "HelmRelease", "Deployment", "StatefulSet"];
        Cluster { watched: kinds.map(watched).into(), flux, workloads, ..Cluster::default() }
    }

    fn told(cluster: &Cluster, declared: &str) -> Vec<(&'static str, Tone, String)> {
        let found = delivery(cluster, "orders", Some(declared), NOW_MS);
        found.remarks.into_iter().map(|r| (r.words, r.tone, r.text)).collect()
    }

    #[test]
    fn what_agrees_and_is_ready_is_not_remarked_upon() {
        let now = cluster(vec![apps(FluxPhase::Ready, "Applied")], vec![workload("orders", "1.3")]);
        let found = delivery(&now, "orders", Some("v1.3"), NOW_MS);
        assert_eq!((found.remarks.as_slice(), found.as_of_ms, found.is_wrong()), (&[][..], None, false));
        assert_eq!(found.applied[0].at_ms, Some(NOW_MS - 2 * MINUTE_MS));
        assert_eq!((found.running[0].ready, found.running[0].desired), (2, 2));
    }

    #[test]
    fn what_is_not_applied_is_told_with_the_reason() {
        let now =
            cluster(vec![apps(FluxPhase::Failed, "health check failed")], vec![workload("orders", "1.2")]);
        let text = "declared 1.3, applied 1.2 of 4f2a9c1e 2 min ago: Kustomization apps: health check failed";
        assert_eq!(told(&now, "1.3"), [("Not applied", Tone::Bad, text.to_owned())]);
        let now = cluster(vec![apps(FluxPhase::Reconciling, "in progress")], vec![workload("orders", "1.2")]);
        assert_eq!(told(&now, "1.3")[0].1, Tone::Warn, "it is on its way");
        let now = cluster(Vec::new(), vec![workload("orders", "1.2")]);
        assert!(told(&now, "1.3")[0].2.ends_with("applied 1.2: Kustomization apps is not known"));
        let mut loose = workload("orders", "1.2");
        loose.applied_by = None;
        assert!(told(&cluster(Vec::new(), vec![loose]), "1.3")[0].2.ends_with("nothing of Flux applied it"));
    }

    #[test]
    fn a_failure_of_flux_is_told_even_where_versions_agree() {
        let now = cluster(vec![apps(FluxPhase::Failed, "no such secret")], vec![workload("orders", "1.3")]);
        let text = "Kustomization apps: no such secret".to_owned();
        assert_eq!(told(&now, "1.3"), [("Flux fails", Tone::Bad, text)]);
    }

    #[test]
    fn who_suspended_it_is_told() {
        let mut suspended = apps(FluxPhase::Ready, "Applied");
        suspended.suspended =
            Some(Suspension { manager: Some("kubectl-patch".into()), at_ms: Some(NOW_MS - 5 * MINUTE_MS) });
        let now = cluster(vec![suspended.clone()], vec![workload("orders", "1.3")]);
        let text = "Kustomization apps: suspended by kubectl-patch 5 min ago".to_owned();
        assert_eq!(told(&now, "1.3"), [("Suspended", Tone::Warn, text)]);
        let now = cluster(vec![suspended], vec![workload("orders", "1.2")]);
        let words: Vec<&str> = told(&now, "1.3").iter().map(|r| r.0).collect();
        assert_eq!(words, ["Not applied", "Suspended"]);
        let unknown = Suspension { manager: None, at_ms: None };
        assert_eq!(super::suspended(&unknown, NOW_MS), "suspended");
    }

    #[test]
    fn pods_that_are_not_ready_are_told_with_what_the_cluster_warns_of() {
        let mut rolling = workload("orders", "1.3");
        (rolling.updated, rolling.ready) = (1, 1);
        let mut now = cluster(vec![apps(FluxPhase::Ready, "Applied")], vec![rolling.clone()]);
        let text = "Deployment orders: 1 of 2 ready, 1 of the newest version".to_owned();
        assert_eq!(told(&now, "1.3"), [("Not all ready", Tone::Warn, text)]);
        now.warnings.push(ClusterWarning {
            object: object("Pod", "orders-1-2"),
            owner: object("Deployment", "orders"),
            reason: "BackOff".into(),
            message: "Back-off pulling image".into(),
            count: 4,
            at_ms: NOW_MS - 3 * MINUTE_MS,
        });
        assert!(told(&now, "1.3")[0].2.ends_with(": BackOff: Back-off pulling image (4 times, 3 min ago)"));
        rolling.conditions.push(WorkloadCondition {
            kind: "Progressing".into(),
            is_true: false,
            reason: "ProgressDeadlineExceeded".into(),
            message: "timed out".into(),
        });
        let now = cluster(vec![apps(FluxPhase::Ready, "Applied")], vec![rolling]);
        let stuck = &told(&now, "1.3")[0];
        assert_eq!((stuck.0, stuck.1), ("Rollout stuck", Tone::Bad));
        assert!(stuck.2.ends_with(": ProgressDeadlineExceeded: timed out"), "{}", stuck.2);
        let mut unseen = workload("orders", "1.3");
        unseen.is_observed = false;
        let now = cluster(vec![apps(FluxPhase::Ready, "Applied")], vec![unseen]);
        assert!(told(&now, "1.3")[0].2.contains("not looked at yet"));
    }

    #[test]
    fn what_is_declared_and_not_there_is_told_only_where_that_is_known() {
        let mut now = cluster(vec![apps(FluxPhase::Ready, "Applied")], Vec::new());
        assert_eq!(told(&now, "1.3")[0].0, "Not in the cluster");
        let forbidden =
            WatchState::Forbidden { verb: "list".into(), resource: "r".into(), message: String::new() };
        for state in [WatchState::Starting, forbidden] {
            now.watched[2].state = state;
            assert_eq!(told(&now, "1.3"), []);
        }
        now.watched[2].state = WatchState::Current;
        now.watched[3].is_cut = true;
        assert_eq!(told(&now, "1.3"), [], "it may be among those that are not kept");
    }

    #[test]
    fn a_cluster_that_is_not_heard_is_of_then() {
        let mut now = cluster(vec![apps(FluxPhase::Ready, "Applied")], vec![workload("orders", "1.3")]);
        now.watched[3].state = WatchState::Stale { since_ms: 9, reason: "refused".into() };
        now.watched[0].state = WatchState::Stale { since_ms: 7, reason: "refused".into() };
        assert_eq!(delivery(&now, "orders", Some("1.3"), NOW_MS).as_of_ms, Some(7));
    }

    #[test]
    fn a_canary_is_judged_before_it_serves() {
        let mut primary = workload("orders-primary", "1.2");
        primary.applied_by = None;
        let now = cluster(
            vec![apps(FluxPhase::Ready, "Applied")],
            vec![workload("orders", "1.3"), primary.clone()],
        );
        let text = "orders-primary still serves 1.2: 1.3 is judged first".to_owned();
        assert_eq!(told(&now, "1.3"), [("Being judged", Tone::Info, text)]);
        let mut idle = workload("orders", "1.3");
        (idle.desired, idle.updated, idle.ready) = (0, 0, 0);
        primary.containers[0].version = Some("1.3".into());
        let now = cluster(vec![apps(FluxPhase::Ready, "Applied")], vec![idle, primary]);
        assert_eq!(told(&now, "1.3"), []);
    }
}
