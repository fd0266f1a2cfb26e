//! What is told is known, what is lost is said, and what comes back is true again.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use console_model::cluster::{Cluster, FluxPhase, WatchState};
use console_sources::kubernetes::{
    ClusterAccess, ClusterConnection, KubernetesCluster, KubernetesConfig, WatchPace,
};
use console_storage::source::ClusterSource as _;
use serde_json::{Value, json};

use super::{
    api_server::{
        ApiServer, DEPLOYMENTS, EVENTS, GIT_REPOSITORIES, HELM_RELEASES, KUSTOMIZATIONS, Refusal,
        STATEFUL_SETS, TOKEN,
    },
    objects::{deployment, kustomization, warning},
};

/// Resources that the server has; two more are asked for, which it has not.
const INSTALLED: usize = 6;
const REV_1: &str = "main@sha1:0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b";

fn config(server: &ApiServer) -> KubernetesConfig {
    let access = ClusterAccess::Kubeconfig { file: server.kubeconfig(), context: None };
    let soon = Duration::from_millis(10);
    let mut config = KubernetesConfig::new(access, Vec::new());
    config.pace = WatchPace { retry_min: soon, retry_max: soon * 4, refused: soon, list_timeout: soon * 500 };
    config
}

fn start(server: &ApiServer) -> KubernetesCluster {
    KubernetesCluster::start(config(server)).unwrap()
}

async fn known(cluster: &KubernetesCluster) -> Cluster {
    cluster.cluster().await.unwrap().expect("a cluster")
}

/// What is known once it is as expected.
async fn until(cluster: &KubernetesCluster, expected: impl Fn(&Cluster) -> bool) -> Cluster {
    let mut changes = cluster.changes();
    let wait = async {
        loop {
            changes.mark_unchanged();
            let now = known(cluster).await;
            if expected(&now) {
                return now;
            }
            changes.changed().await.unwrap();
        }
    };
    if let Ok(now) = tokio::time::timeout(Duration::from_secs(10), wait).await {
        return now;
    }
    panic!("never as expected, but {:#?}", known(cluster).await)
}

fn state<'a>(cluster: &'a Cluster, kind: &str) -> &'a WatchState {
    &cluster.watched.iter().find(|w| w.kind == kind).expect("a watched kind").state
}

fn is_current(cluster: &Cluster, kind: &str) -> bool {
    *state(cluster, kind) == WatchState::Current
}

fn all_current(cluster: &Cluster) -> bool {
    cluster.watched.iter().filter(|w| w.state == WatchState::Current).count() == INSTALLED
}

/// Names and image tags of all workloads.
fn versions(cluster: &Cluster) -> Vec<(&str, &str)> {
    cluster
        .workloads
        .iter()
        .map(|w| (w.object.name.as_str(), w.containers[0].version.as_deref().unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn objects_are_listed_in_pages_and_followed() {
    let server = ApiServer::start().await;
    server.page(1);
    server.put(KUSTOMIZATIONS, kustomization("apps", REV_1));
    server.put(KUSTOMIZATIONS, kustomization("data", REV_1));
    for name in ["catalog", "orders", "payments"] {
        server.put(DEPLOYMENTS, deployment(name, "1.0.0"));
    }
    server.put(EVENTS, warning("w1", "orders-6f7c9d-x2x4z"));
    server.put(EVENTS, warning("w2", "of-nobody"));
    let cluster = start(&server);
    let first = until(&cluster, all_current).await;
    assert_eq!(first.flux.iter().map(|f| f.object.name.as_str()).collect::<Vec<_>>(), ["apps", "data"]);
    assert_eq!(first.flux[0].phase, FluxPhase::Ready);
    assert_eq!(first.flux[0].applied_revision.as_deref(), Some(REV_1));
    assert_eq!(versions(&first), [("catalog", "1.0.0"), ("orders", "1.0.0"), ("payments", "1.0.0")]);
    let orders = &first.workloads[1];
    assert_eq!((orders.desired, orders.updated, orders.ready, orders.is_observed), (2, 2, 1, true));
    assert_eq!(orders.applied_by.as_ref(), Some(&first.flux[0].object));
    let told: Vec<(&str, &str)> =
        first.warnings.iter().map(|w| (w.owner.name.as_str(), w.reason.as_str())).collect();
    assert_eq!(told, [("orders", "BackOff")]);

    server.until_open(INSTALLED).await;
    server.bookmark(DEPLOYMENTS);
    server.put(DEPLOYMENTS, deployment("orders", "1.1.0"));
    server.delete(DEPLOYMENTS, "shop", "payments");
    server.put(DEPLOYMENTS, deployment("storefront", "2.0.0"));
    let expected = [("catalog", "1.0.0"), ("orders", "1.1.0"), ("storefront", "2.0.0")];
    until(&cluster, |now| versions(now) == expected).await;

    let requests = server.requests();
    let events: Vec<&String> = requests.iter().filter(|r| r.contains("/events?")).collect();
    assert!(events.iter().all(|r| r.contains("fieldSelector=type%3DWarning")), "{events:?}");
    let watches: Vec<&String> = requests.iter().filter(|r| r.contains("watch=true")).collect();
    assert!(watches.iter().all(|r| r.contains("allowWatchBookmarks=true")), "{watches:?}");
    // The watches of before still stand.
    assert_eq!(watches.len(), INSTALLED, "{watches:?}");
}

#[tokio::test]
async fn a_question_asks_nothing_of_the_server() {
    let server = ApiServer::start().await;
    let cluster = start(&server);
    until(&cluster, all_current).await;
    server.until_open(INSTALLED).await;
    let lists = |server: &ApiServer| server.requests().iter().filter(|r| r.contains("/apps/v1/")).count();
    let before = lists(&server);
    for _ in 0..100 {
        known(&cluster).await;
    }
    assert_eq!(lists(&server), before);
}

#[tokio::test]
async fn only_named_namespaces_are_watched() {
    let server = ApiServer::start().await;
    server.put(KUSTOMIZATIONS, kustomization("apps", REV_1));
    server.put(DEPLOYMENTS, deployment("orders", "1.0.0"));
    let mut elsewhere = deployment("orders", "9.0.0");
    elsewhere["metadata"]["namespace"] = json!("elsewhere");
    server.put(DEPLOYMENTS, elsewhere.clone());
    let mut config = config(&server);
    config.namespaces = vec!["flux-system".to_owned(), "shop".to_owned()];
    let cluster = KubernetesCluster::start(config).unwrap();
    let is_whole = |now: &Cluster| {
        now.watched.iter().filter(|w| w.state == WatchState::Current).count() == 2 * INSTALLED
    };
    let now = until(&cluster, is_whole).await;
    assert_eq!(versions(&now), [("orders", "1.0.0")]);
    assert_eq!(now.flux.len(), 1);
    server.until_open(2 * INSTALLED).await;
    elsewhere["metadata"]["name"] = json!("other");
    server.put(DEPLOYMENTS, elsewhere);
    server.put(DEPLOYMENTS, deployment("orders", "1.1.0"));
    until(&cluster, |now| versions(now) == [("orders", "1.1.0")]).await;
    assert!(server.requests().iter().all(|r| r.contains("/namespaces/")), "{:?}", server.requests());
}

#[tokio::test]
async fn a_cut_connection_makes_what_is_known_old_and_a_new_list_makes_it_true() {
    let server = ApiServer::start().await;
    server.put(DEPLOYMENTS, deployment("orders", "1.0.0"));
    server.put(DEPLOYMENTS, deployment("payments", "1.0.0"));
    let cluster = start(&server);
    until(&cluster, all_current).await;
    server.until_open(INSTALLED).await;
    let before_ms = console_model::clock::now_ms();
    server.refuse(DEPLOYMENTS, "list", Refusal::Unavailable);
    server.refuse(DEPLOYMENTS, "watch", Refusal::Unavailable);
    server.cut();
    let stale = |now: &Cluster| matches!(state(now, "Deployment"), WatchState::Stale { reason, .. } if reason.contains("503"));
    let lost = until(&cluster, stale).await;
    let WatchState::Stale { since_ms, reason } = state(&lost, "Deployment").clone() else { panic!() };
    assert!((before_ms..=console_model::clock::now_ms()).contains(&since_ms), "{since_ms}");
    assert_eq!(reason, "the API server answered 503: apiserver is shutting down");
    assert_eq!(versions(&lost), [("orders", "1.0.0"), ("payments", "1.0.0")], "what was known stays");
    // Other kinds are told again meanwhile.
    let others = until(&cluster, |now| is_current(now, "Kustomization") && stale(now)).await;
    let WatchState::Stale { since_ms: still_ms, .. } = state(&others, "Deployment").clone() else { panic!() };
    assert_eq!(still_ms, since_ms, "since the first loss, not since the last try");
    server.put(DEPLOYMENTS, deployment("orders", "1.1.0"));
    server.delete(DEPLOYMENTS, "shop", "payments");
    server.allow(DEPLOYMENTS, "list");
    server.allow(DEPLOYMENTS, "watch");
    let back = until(&cluster, all_current).await;
    assert_eq!(versions(&back), [("orders", "1.1.0")]);
}

#[tokio::test]
async fn changes_that_expired_are_listed_at_once_and_nothing_is_old() {
    let server = ApiServer::start().await;
    server.put(DEPLOYMENTS, deployment("orders", "1.0.0"));
    let mut config = config(&server);
    // What is lost does not come back while this test runs.
    config.pace.retry_min = Duration::from_hours(1);
    let cluster = KubernetesCluster::start(config).unwrap();
    until(&cluster, all_current).await;
    server.until_open(INSTALLED).await;
    // Compacted away before any watch was told of it.
    server.put_untold(DEPLOYMENTS, deployment("orders", "1.1.0"));
    server.expire();
    until(&cluster, |now| all_current(now) && versions(now) == [("orders", "1.1.0")]).await;
    server.until_open(INSTALLED).await;
    server.put(DEPLOYMENTS, deployment("orders", "1.2.0"));
    until(&cluster, |now| versions(now) == [("orders", "1.2.0")]).await;
}

#[tokio::test]
async fn a_right_that_is_lacking_is_named_and_costs_nothing_else() {
    let server = ApiServer::start().await;
    server.put(DEPLOYMENTS, deployment("orders", "1.0.0"));
    server.put(KUSTOMIZATIONS, kustomization("apps", REV_1));
    server.refuse(DEPLOYMENTS, "list", Refusal::Forbidden);
    server.refuse(STATEFUL_SETS, "watch", Refusal::Forbidden);
    let cluster = start(&server);
    let forbidden = |now: &Cluster, kind: &str| matches!(state(now, kind), WatchState::Forbidden { .. });
    let is_so = |now: &Cluster| {
        forbidden(now, "Deployment") && forbidden(now, "StatefulSet") && is_current(now, "Kustomization")
    };
    let now = until(&cluster, is_so).await;
    assert!(now.workloads.is_empty() && now.flux.len() == 1);
    let told = |kind: &str| match state(&now, kind) {
        WatchState::Forbidden { verb, resource, message } => {
            (verb.clone(), resource.clone(), message.clone())
        }
        other => panic!("{other:?}"),
    };
    let (verb, resource, message) = told("Deployment");
    assert_eq!((verb.as_str(), resource.as_str()), ("list", "deployments.apps"));
    assert!(message.contains("system:serviceaccount:quarterdeck:console"), "{message}");
    let (verb, resource, _) = told("StatefulSet");
    assert_eq!((verb.as_str(), resource.as_str()), ("watch", "statefulsets.apps"));
    server.allow(DEPLOYMENTS, "list");
    let now = until(&cluster, |now| is_current(now, "Deployment")).await;
    assert_eq!(versions(&now), [("orders", "1.0.0")]);
}

#[tokio::test]
async fn a_kind_that_is_not_installed_is_no_error_and_is_seen_once_it_is() {
    let server = ApiServer::start().await;
    server.uninstall(HELM_RELEASES);
    server.uninstall(GIT_REPOSITORIES);
    let cluster = start(&server);
    let now = until(&cluster, |now| *state(now, "HelmRelease") == WatchState::NotInstalled).await;
    assert_eq!(*state(&until(&cluster, |now| is_current(now, "Kustomization")).await, "OCIRepository"), {
        WatchState::NotInstalled
    });
    assert!(now.flux.is_empty());
    server.install(HELM_RELEASES);
    let release = json!({"metadata": {"namespace": "observability", "name": "loki"},
        "spec": {"interval": "1h", "chart": {"spec": {"chart": "loki", "sourceRef": {"kind": "HelmRepository", "name": "grafana"}}}},
        "status": {"history": [{"chartVersion": "6.1.0", "status": "deployed", "lastDeployed": "2026-01-01T00:00:00Z"}]}});
    server.put(HELM_RELEASES, release);
    let now = until(&cluster, |now| is_current(now, "HelmRelease") && now.flux.len() == 1).await;
    assert_eq!(now.flux[0].applied_revision.as_deref(), Some("6.1.0"));
    // A kind that every cluster has is missing where there is no API server at all.
    server.uninstall(DEPLOYMENTS);
    server.cut();
    until(
        &cluster,
        |now| matches!(state(now, "Deployment"), WatchState::Stale { reason, .. } if reason.contains("404")),
    )
    .await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for() {
    let server = ApiServer::start().await;
    server.refuse(KUSTOMIZATIONS, "list", Refusal::Silent);
    let mut config = config(&server);
    config.pace.list_timeout = Duration::from_millis(50);
    let cluster = KubernetesCluster::start(config).unwrap();
    let now = until(&cluster, |now| matches!(state(now, "Kustomization"), WatchState::Stale { .. })).await;
    let WatchState::Stale { reason, .. } = state(&now, "Kustomization") else { panic!() };
    assert_eq!(reason, "no answer within 0.05 s");
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_said_to_be_and_found_later() {
    let server = ApiServer::start().await;
    let config_of_it = config(&server);
    let port_of_nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let text = std::fs::read_to_string(server.kubeconfig()).unwrap();
    let at = text.find("http://").unwrap();
    let end = at + text[at..].find('"').unwrap();
    let file = server.kubeconfig().with_file_name("elsewhere");
    std::fs::write(&file, format!("{}http://{port_of_nobody}{}", &text[..at], &text[end..])).unwrap();
    let access = ClusterAccess::Kubeconfig { file, context: None };
    let cluster = KubernetesCluster::start(KubernetesConfig { access, ..config_of_it }).unwrap();
    let lost = |now: &Cluster| now.watched.iter().all(|w| matches!(w.state, WatchState::Stale { .. }));
    let now = until(&cluster, lost).await;
    let WatchState::Stale { reason, .. } = state(&now, "Deployment") else { panic!() };
    assert!(reason.to_lowercase().contains("connection refused"), "{reason}");
    assert_eq!(now.address, format!("http://{port_of_nobody}"));
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_said() {
    let server = ApiServer::start().await;
    let text = std::fs::read_to_string(server.kubeconfig()).unwrap();
    std::fs::write(server.kubeconfig(), text.replace(TOKEN, "another")).unwrap();
    let cluster = start(&server);
    let refused = |now: &Cluster| matches!(state(now, "Deployment"), WatchState::Stale { reason, .. } if reason.contains("401"));
    until(&cluster, refused).await;
    // What is replaced is read anew.
    std::fs::write(server.kubeconfig(), text).unwrap();
    until(&cluster, all_current).await;
}

/// A kubeconfig of `server` whose program for credentials writes a line to `runs` and then does `then`.
fn with_program(server: &ApiServer, runs: &Path, then: &str) {
    let mut file: Value = serde_json::from_slice(&std::fs::read(server.kubeconfig()).unwrap()).unwrap();
    let script = format!("echo >> '{}'; {then}", runs.display());
    file["users"][0]["user"] = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh", "args": ["-c", script], "interactiveMode": "Never"}});
    std::fs::write(server.kubeconfig(), file.to_string()).unwrap();
}

fn lines(file: &Path) -> usize {
    std::fs::read_to_string(file).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn a_program_that_gives_no_credentials_is_told_since_its_first_failure() {
    let server = ApiServer::start().await;
    let runs = server.kubeconfig().with_file_name("runs");
    with_program(&server, &runs, "echo planted; echo planted >&2; exit 1");
    let cluster = start(&server);
    let since = |now: &Cluster| match state(now, "Deployment") {
        WatchState::Stale { since_ms, .. } => Some(*since_ms),
        _ => None,
    };
    let first = until(&cluster, |now| since(now).is_some()).await;
    let ran = lines(&runs);
    let later = until(&cluster, |_| lines(&runs) >= ran + 3).await;
    assert_eq!(since(&later), since(&first));
    let WatchState::Stale { reason, .. } = state(&later, "Deployment") else { unreachable!("it was stale") };
    assert!(reason.contains("the program for credentials failed: exit status: 1"), "{reason}");
    assert!(!reason.contains("planted"), "what it printed may be credentials: {reason}");
}

#[tokio::test]
async fn a_program_for_credentials_runs_for_one_client_of_all_watches() {
    let server = ApiServer::start().await;
    let runs = server.kubeconfig().with_file_name("runs");
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": TOKEN}});
    with_program(&server, &runs, &format!("cat <<'END'\n{credential}\nEND"));
    ClusterConnection::open(&config(&server).access).unwrap().client().await.unwrap();
    assert_eq!(lines(&runs), 1);
    let cluster = start(&server);
    until(&cluster, all_current).await;
    assert_eq!(lines(&runs), 2);
}

#[tokio::test]
async fn a_token_that_cannot_be_replaced_is_told_without_what_was_printed() {
    let server = ApiServer::start().await;
    let runs = server.kubeconfig().with_file_name("runs");
    let credential = json!({"status": {"token": TOKEN, "expirationTimestamp": "2020-01-01T00:00:00Z"}});
    let script = format!(
        "[ $(wc -l < '{}') -lt 2 ] || {{ echo planted; exit 1; }}; cat <<'END'\n{credential}\nEND",
        runs.display()
    );
    with_program(&server, &runs, &script);
    let cluster = start(&server);
    let is_lost = |now: &Cluster| matches!(state(now, "Deployment"), WatchState::Stale { .. });
    let now = until(&cluster, is_lost).await;
    let WatchState::Stale { reason, .. } = state(&now, "Deployment") else { unreachable!("it is stale") };
    assert_eq!(reason, "the program for credentials failed: exit status: 1");
}

#[tokio::test]
async fn a_program_that_hangs_is_told_and_not_started_again() {
    let server = ApiServer::start().await;
    let runs = server.kubeconfig().with_file_name("runs");
    // Until the folder of this test is gone.
    with_program(&server, &runs, &format!("while [ -e '{}' ]; do sleep 0.05; done", runs.display()));
    let mut config = config(&server);
    config.pace.list_timeout = Duration::from_millis(50);
    let cluster = KubernetesCluster::start(config).unwrap();
    let is_late = |now: &Cluster| {
        let reason = |kind| match state(now, kind) {
            WatchState::Stale { reason, .. } => reason.clone(),
            _ => String::new(),
        };
        ["Deployment", "Kustomization"].map(reason).iter().all(|r| r.contains("no answer within 0.05 s"))
    };
    until(&cluster, is_late).await;
    // Each watch asks several times meanwhile.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(lines(&runs), 1);
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let server = ApiServer::start().await;
    for name in ["catalog", "orders", "payments"] {
        server.put(DEPLOYMENTS, deployment(name, "1.0.0"));
    }
    let mut config = config(&server);
    config.max_objects = 2;
    let cluster = KubernetesCluster::start(config).unwrap();
    let now = until(&cluster, all_current).await;
    assert_eq!(versions(&now), [("catalog", "1.0.0"), ("orders", "1.0.0")]);
    let cut: Vec<&str> = now.watched.iter().filter(|w| w.is_cut).map(|w| w.kind.as_str()).collect();
    assert_eq!(cut, ["Deployment"]);
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up() {
    let server = ApiServer::start().await;
    server.refuse(KUSTOMIZATIONS, "list", Refusal::Endless);
    server.refuse(STATEFUL_SETS, "watch", Refusal::Endless);
    let cluster = start(&server);
    let reasons = |now: &Cluster| {
        ["Kustomization", "StatefulSet"].map(|kind| match state(now, kind) {
            WatchState::Stale { reason, .. } => reason.clone(),
            _ => String::new(),
        })
    };
    let now = until(&cluster, |now| reasons(now).iter().all(|r| !r.is_empty())).await;
    let [list, watch] = reasons(&now);
    assert!(list.contains("its answer has more than 67108864 bytes"), "{list}");
    assert!(watch.contains("a line of the watch has more than 8388608 bytes"), "{watch}");
    assert!(is_current(&now, "Deployment"));
}

#[tokio::test]
async fn a_watch_that_is_over_at_once_is_not_made_again_at_once() {
    let server = ApiServer::start().await;
    server.refuse(DEPLOYMENTS, "watch", Refusal::Ended);
    let cluster = start(&server);
    until(&cluster, all_current).await;
    let watches = || {
        let requests = server.requests();
        requests.iter().filter(|r| r.contains("/deployments?") && r.contains("watch=true")).count()
    };
    let (before, began) = (watches(), Instant::now());
    tokio::time::sleep(Duration::from_millis(1500)).await;
    // One may have been due at the beginning.
    let (more, at_most) = (watches() - before, began.elapsed().as_secs() as usize + 1);
    assert!((1..=at_most).contains(&more), "{more} watches in {:?}", began.elapsed());
}

#[tokio::test]
async fn an_object_of_an_odd_shape_costs_no_other() {
    let server = ApiServer::start().await;
    server.put(KUSTOMIZATIONS, kustomization("apps", REV_1));
    let mut odd = kustomization("odd", REV_1);
    odd["spec"]["suspend"] = json!("yes");
    server.put(KUSTOMIZATIONS, odd);
    let cluster = start(&server);
    let now = until(&cluster, |now| is_current(now, "Kustomization")).await;
    assert_eq!(now.flux.len(), 1);
    let unreadable = now.watched.iter().find_map(|w| w.unreadable.as_deref()).unwrap();
    assert!(unreadable.starts_with("flux-system/odd: ") && unreadable.contains("yes"), "{unreadable}");
}

#[tokio::test]
async fn nothing_is_watched_once_nobody_asks() {
    let server = ApiServer::start().await;
    let cluster = start(&server);
    until(&cluster, all_current).await;
    server.until_open(INSTALLED).await;
    drop(cluster);
    server.until_open(0).await;
}
