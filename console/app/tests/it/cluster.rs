//! The Deploys page in front of a cluster: what is applied and runs beside what is declared, and what is not known.

use console_model::{
    cluster::{
        Cluster, ClusterWarning, ClusterWorkload, FluxObject, FluxPhase, ObjectRef, Suspension, WatchState,
        WatchedKind, WorkloadContainer,
    },
    deploy::DeclaredVersion,
};

use crate::{
    fakes::{Fakes, NOW_MS},
    site::Answer,
    story::{self, SHA},
};

const MINUTE_MS: i64 = 60_000;

fn object(kind: &str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
}

fn apps() -> FluxObject {
    FluxObject {
        object: object("Kustomization", "flux-system", "apps"),
        phase: FluxPhase::Ready,
        reason: "ReconciliationSucceeded".to_owned(),
        message: format!("Applied revision: main@sha1:{SHA}"),
        since_ms: Some(NOW_MS - MINUTE_MS),
        suspended: None,
        applied_revision: Some(format!("main@sha1:{SHA}")),
        applied_at_ms: Some(NOW_MS - 2 * MINUTE_MS),
        attempted_revision: Some(format!("main@sha1:{SHA}")),
        source: Some(object("GitRepository", "flux-system", "platform")),
    }
}

fn workload(name: &str, version: &str) -> ClusterWorkload {
    let image = format!("registry/shop-{name}:{version}");
    ClusterWorkload {
        object: object("Deployment", "shop", name),
        containers: vec![WorkloadContainer { name: "service".into(), image, version: Some(version.into()) }],
        desired: 2,
        updated: 2,
        ready: 2,
        is_observed: true,
        conditions: Vec::new(),
        applied_by: Some(apps().object),
    }
}

fn watched(kind: &str, state: WatchState) -> WatchedKind {
    WatchedKind { kind: kind.to_owned(), namespace: None, state, is_cut: false, unreadable: None }
}

/// As the story declares it: payments 1.4.0, orders 0.1.0, catalog 0.2.0.
fn cluster() -> Cluster {
    let kinds = ["Kustomization", "HelmRelease", "Deployment", "StatefulSet"];
    Cluster {
        address: "https://cluster.example:6443".to_owned(),
        watched: kinds.map(|kind| watched(kind, WatchState::Current)).into(),
        flux: vec![apps()],
        workloads: vec![
            workload("catalog", "0.2.0"),
            workload("orders", "0.1.0"),
            workload("payments", "1.4.0"),
        ],
        warnings: Vec::new(),
    }
}

async fn page(cluster: Cluster) -> Answer {
    Fakes { cluster: Some(cluster), ..story::fakes() }.get("/deploys").await
}

#[tokio::test]
async fn what_is_applied_and_runs_stands_beside_what_is_declared() {
    let page = page(cluster()).await;
    page.assert_shows(&[
        "Applied by Flux",
        "Runs in the cluster",
        "Kustomization apps",
        "2 min ago",
        "2 of 2 ready",
        "https://cluster.example:6443: everything is ready",
        "from GitRepository platform",
    ]);
    // The commit that was applied is a page of the console.
    assert!(page.main().contains(&format!("href=\"/deploys/{SHA}\"")));
    assert!(!page.text().contains("not right in the cluster"));
}

#[tokio::test]
async fn what_differs_says_why_and_stands_first() {
    let mut now = cluster();
    now.workloads[1] = workload("orders", "0.0.9");
    now.flux[0].phase = FluxPhase::Failed;
    now.flux[0].reason = "BuildFailed".to_owned();
    now.flux[0].message = story::EVIL.to_owned();
    now.flux[0].attempted_revision = Some("main@sha1:b81c0d2f4e6a8091a2b3c4d5e6f708192a3b4c5d".to_owned());
    let page = page(now).await;
    page.assert_shows(&[
        "3 are not right in the cluster",
        "declared 0.1.0, applied 0.0.9 of 4f2a9c1e 2 min ago: Kustomization apps:",
        "BuildFailed",
        "tried b81c0d2f",
        "1 fails",
    ]);
    assert!(!page.body.contains(story::EVIL), "what the cluster tells is text");
}

#[tokio::test]
async fn who_suspended_a_kustomization_is_shown_in_both_places() {
    let mut now = cluster();
    let manager = Some("kubectl-patch".to_owned());
    now.flux[0].suspended = Some(Suspension { manager, at_ms: Some(NOW_MS - 5 * MINUTE_MS) });
    let page = page(now).await;
    page.assert_shows(&[
        "1 is suspended",
        "Suspended",
        "Kustomization apps: suspended by kubectl-patch 5 min ago",
    ]);
    assert!(page.main().contains("row-warn"));
}

#[tokio::test]
async fn pods_that_are_not_ready_are_counted_and_explained() {
    let mut now = cluster();
    (now.workloads[1].updated, now.workloads[1].ready) = (1, 1);
    now.warnings.push(ClusterWarning {
        object: object("Pod", "shop", "orders-6f7c9d-x2x4z"),
        owner: now.workloads[1].object.clone(),
        reason: "BackOff".to_owned(),
        message: "Back-off pulling image".to_owned(),
        count: 4,
        at_ms: NOW_MS - 3 * MINUTE_MS,
    });
    let page = page(now).await;
    page.assert_shows(&[
        "1 of 2 ready",
        "Deployment orders: 1 of 2 ready, 1 of the newest version: BackOff: Back-off pulling image (4 times, 3 min ago)",
        "Pod orders-6f7c9d-x2x4z",
    ]);
}

#[tokio::test]
async fn a_cluster_that_cannot_be_reached_is_never_silently_old() {
    let mut now = cluster();
    for watched in &mut now.watched {
        let reason = "connection refused".to_owned();
        watched.state = WatchState::Stale { since_ms: NOW_MS - 4 * MINUTE_MS, reason };
    }
    let page = page(now).await;
    page.assert_shows(&[
        "The cluster cannot be reached",
        "connection refused. Since 2027-01-15 07:56:00 UTC, 4 min ago; what stands here is of then.",
        "as of 4 min ago",
        "not all is known",
    ]);
    assert!(!page.text().contains("everything is ready"));
}

#[tokio::test]
async fn rights_that_are_lacking_and_kinds_that_are_absent_are_named() {
    let mut now = cluster();
    now.workloads.clear();
    now.watched[1].state = WatchState::NotInstalled;
    now.watched[2].state = WatchState::Forbidden {
        verb: "list".to_owned(),
        resource: "deployments.apps".to_owned(),
        message: "deployments.apps is forbidden: User \"console\" cannot list".to_owned(),
    };
    let page = page(now).await;
    page.assert_shows(&[
        "The console's account may not list deployments.apps",
        "User \"console\" cannot list",
        "Not installed in the cluster: HelmRelease.",
    ]);
    assert!(!page.text().contains("Not in the cluster"), "nobody knows that");
}

/// Of the story, with no more declared than what telemetry agrees with.
async fn agreeing_page(cluster: Cluster) -> Answer {
    let declared = DeclaredVersion {
        service: "orders".to_owned(),
        environment: None,
        version: "0.1.0".to_owned(),
        file: "gitops/apps/base/orders/deployment.yaml".to_owned(),
    };
    Fakes { cluster: Some(cluster), versions: Ok(vec![declared]), ..story::fakes() }.get("/deploys").await
}

#[tokio::test]
async fn a_cluster_agrees_only_where_its_workloads_are_known() {
    agreeing_page(cluster()).await.assert_shows(&["git, cluster and telemetry agree"]);
    let forbidden = WatchState::Forbidden {
        verb: "list".to_owned(),
        resource: "deployments.apps".to_owned(),
        message: "forbidden".to_owned(),
    };
    let mut cut = cluster();
    cut.watched[2].is_cut = true;
    let without = |state| {
        let mut now = cluster();
        now.workloads.clear();
        now.watched[2].state = state;
        now
    };
    for now in [cut, without(forbidden), without(WatchState::Starting)] {
        let page = agreeing_page(now).await;
        page.assert_shows(&["git and telemetry agree"]);
        assert!(!page.text().contains("git, cluster"), "{}", page.text());
    }
}

#[tokio::test]
async fn without_a_cluster_one_line_leads_to_the_guide() {
    let page = story::fakes().get("/deploys").await;
    page.assert_shows(&["No cluster is watched"]);
    assert!(page.main().contains("/runbooks/guides/point-at-your-own-stack"));
    assert!(!page.text().contains("Applied by Flux"));
}

#[tokio::test]
async fn a_cluster_without_flux_shows_what_runs() {
    let mut now = cluster();
    now.flux.clear();
    for watched in &mut now.watched[..2] {
        watched.state = WatchState::NotInstalled;
    }
    now.workloads.iter_mut().for_each(|w| w.applied_by = None);
    let page = page(now).await;
    page.assert_shows(&[
        "Flux has no objects here",
        "Not installed in the cluster: Kustomization, HelmRelease.",
        "2 of 2 ready",
    ]);
}
