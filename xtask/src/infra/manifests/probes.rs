//! Probes ask what the programs serve, where they serve it, and leave time to drain.

use serde_json::Value;

use super::{
    Findings,
    environment::described,
    object::{Object, list, selects, text, variables},
    render::{Cluster, rendered},
};
use crate::infra::{Outcome, Tree, folder};

const CONSOLE: &str = "console/server/src";

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let (mut findings, mut count) = (Findings::new(), 0);
    for cluster in &rendered.clusters {
        for object in &cluster.objects {
            let Some(pod) = object.pod() else { continue };
            for container in list(pod, "/containers") {
                for probe in ["readinessProbe", "livenessProbe"] {
                    if matches!(object.kind(), "Deployment" | "StatefulSet") && container.get(probe).is_none()
                    {
                        findings.add(format!(
                            "{}: container {} has no {probe}",
                            object.shown(),
                            text(container, "/name")
                        ));
                    }
                    count += usize::from(container.get(probe).is_some());
                }
            }
            if let Some(service) = object.service() {
                let description = described(service)?;
                let paths = [
                    ("startupProbe", description.live.as_str()),
                    ("livenessProbe", description.live.as_str()),
                    ("readinessProbe", description.ready.as_str()),
                ];
                for (probe, path) in paths {
                    asks(&mut findings, object, &list(pod, "/containers")[0], probe, path, "internal");
                }
                drains(&mut findings, object, pod);
                scraped(&mut findings, cluster, object, &description.metrics);
            } else if object.name() == "console" && matches!(object.kind(), "StatefulSet" | "Deployment") {
                let container = &list(pod, "/containers")[0];
                // Several lose one database together: none of them would be reached if that made them unready.
                let ready = if object.kind() == "Deployment" { "/-/ready" } else { "/readyz" };
                for (probe, path, port, source) in [
                    ("startupProbe", "/healthz", "health", "liveness.rs"),
                    ("livenessProbe", "/healthz", "health", "liveness.rs"),
                    ("readinessProbe", ready, "http", "web/health.rs"),
                ] {
                    asks(&mut findings, object, container, probe, path, port);
                    let source = format!("{CONSOLE}/{source}");
                    if !folder::read(&tree.root.join(&source))?.contains(&format!("\"{path}\"")) {
                        findings.add(format!("{source} does not serve {path}"));
                    }
                }
            }
        }
    }
    findings.outcome(format!("{count} probes"))
}

fn asks(findings: &mut Findings, object: &Object, container: &Value, probe: &str, path: &str, port: &str) {
    let found = (
        text(container, &format!("/{probe}/httpGet/path")),
        text(container, &format!("/{probe}/httpGet/port")),
    );
    if found != (path, port) {
        findings.add(format!(
            "{}: {probe} asks {} at {}, and the program serves {path} at {port}",
            object.shown(),
            found.0,
            found.1
        ));
    }
    if !list(container, "/ports").iter().any(|p| text(p, "/name") == port) {
        findings.add(format!("{}: no port is called {port}", object.shown()));
    }
}

/// Where monitors are at all, one asks the service for its metrics, where it tells them.
fn scraped(findings: &mut Findings, cluster: &Cluster, object: &Object, path: &str) {
    let labels = object.template().and_then(|t| t.pointer("/metadata/labels")).unwrap_or(&Value::Null);
    let monitors: Vec<&Object> = cluster.objects.iter().filter(|o| o.kind() == "PodMonitor").collect();
    let asks = monitors.iter().any(|monitor| {
        selects(monitor.value.pointer("/spec/selector").unwrap_or(&Value::Null), labels)
            && list(&monitor.value, "/spec/podMetricsEndpoints")
                .iter()
                .any(|endpoint| text(endpoint, "/port") == "internal" && text(endpoint, "/path") == path)
    });
    if !monitors.is_empty() && !asks {
        findings.add(format!("{}: no monitor asks for {path} at internal", object.shown()));
    }
}

/// Kubernetes waits for longer than the process needs: until nobody sends any more, and until it has drained.
fn drains(findings: &mut Findings, object: &Object, pod: &Value) {
    let container = &list(pod, "/containers")[0];
    let number = |value: Option<&Value>| value.and_then(Value::as_u64).unwrap_or(0);
    let before = number(container.pointer("/lifecycle/preStop/sleep/seconds"));
    let drain = variables(container).find(|(name, _)| *name == "DRAIN_SECONDS");
    let drain: u64 = drain.and_then(|(_, e)| text(e, "/value").parse().ok()).unwrap_or(10);
    let given = number(pod.get("terminationGracePeriodSeconds"));
    if given <= before + drain {
        findings.add(format!(
            "{}: killed after {given} s, and needs {} s to drain",
            object.shown(),
            before + drain
        ));
    }
    if before == 0 {
        findings.add(format!("{}: stops while it is still sent requests: no preStop", object.shown()));
    }
}
