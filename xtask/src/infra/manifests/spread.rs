//! No zone, node or eviction takes all of a service: at least two, in zones apart, with a budget for disruptions.

use serde_json::Value;

use super::{
    Findings,
    object::{list, selects, text},
    render::rendered,
};
use crate::infra::{Outcome, Tree};

/// One of each, and why.
const SINGLE: [(&str, &str, &str); 3] = [
    ("StatefulSet", "console", "its state is a file of its volume"),
    ("Deployment", "grafana", "its dashboards and data sources are files, and nothing else is kept"),
    ("StatefulSet", "collector-sampler", "all spans of a trace must come together"),
];

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let (mut findings, mut count) = (Findings::new(), 0);
    for cluster in &rendered.clusters {
        for object in &cluster.objects {
            if !matches!(object.kind(), "Deployment" | "StatefulSet") {
                continue;
            }
            count += 1;
            if SINGLE.iter().any(|(kind, name, _)| (*kind, *name) == (object.kind(), object.name())) {
                continue;
            }
            let template = object.template().unwrap_or(&Value::Null);
            let labels = template.pointer("/metadata/labels").unwrap_or(&Value::Null);
            let nearby = |kind: &'static str| {
                cluster
                    .objects
                    .iter()
                    .filter(move |o| o.kind() == kind && o.namespace() == object.namespace())
            };
            let budgets = nearby("PodDisruptionBudget").filter(|budget| {
                selects(budget.value.pointer("/spec/selector").unwrap_or(&Value::Null), labels)
            });
            match budgets.count() {
                1 => {}
                number => {
                    findings.add(format!("{}: {number} disruption budgets select its pods", object.shown()));
                }
            }
            let scaled = nearby("HorizontalPodAutoscaler")
                .find(|scaler| scaler.text("/spec/scaleTargetRef/name") == object.name());
            let replicas = match scaled {
                Some(scaler) => scaler.value.pointer("/spec/minReplicas"),
                None => object.value.pointer("/spec/replicas"),
            };
            if replicas.and_then(Value::as_u64).unwrap_or(1) < 2 {
                findings.add(format!("{}: fewer than two replicas", object.shown()));
            }
            if scaled.is_some() && object.value.pointer("/spec/replicas").is_some() {
                findings.add(format!("{}: replicas are set, and so is an autoscaler", object.shown()));
            }
            let spreads = list(template, "/spec/topologySpreadConstraints").iter().any(|constraint| {
                text(constraint, "/topologyKey") == "topology.kubernetes.io/zone"
                    && selects(constraint.get("labelSelector").unwrap_or(&Value::Null), labels)
            });
            let apart = list(
                template,
                "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution",
            )
            .iter()
            .any(|term| text(term, "/topologyKey") == "topology.kubernetes.io/zone");
            if !spreads && !apart {
                findings.add(format!("{}: not spread over zones", object.shown()));
            }
            if object.kind() == "Deployment" && object.service().is_some() {
                let lost = object.value.pointer("/spec/strategy/rollingUpdate/maxUnavailable");
                if lost != Some(&Value::from(0)) {
                    findings.add(format!(
                        "{}: a deploy takes instances away before others are there",
                        object.shown()
                    ));
                }
            }
        }
        for database in cluster.objects.iter().filter(|o| o.kind() == "Cluster") {
            count += 1;
            if database.value.pointer("/spec/instances").and_then(Value::as_u64).unwrap_or(0) < 3 {
                findings.add(format!("{}: fewer than three instances", database.shown()));
            }
            if database
                .value
                .pointer("/spec/postgresql/synchronous/number")
                .and_then(Value::as_u64)
                .unwrap_or(0)
                < 1
            {
                findings.add(format!("{}: a commit waits for no standby", database.shown()));
            }
            if database.text("/spec/affinity/topologyKey") != "topology.kubernetes.io/zone" {
                findings.add(format!("{}: not spread over zones", database.shown()));
            }
            let backed_up = cluster
                .objects
                .iter()
                .any(|o| o.kind() == "ScheduledBackup" && o.text("/spec/cluster/name") == database.name());
            let archives = list(&database.value, "/spec/plugins")
                .iter()
                .any(|plugin| plugin.get("isWALArchiver") == Some(&Value::Bool(true)));
            if !(backed_up && archives) {
                findings.add(format!("{}: no backup, or no archive", database.shown()));
            }
        }
    }
    findings.outcome(format!("{count} workloads"))
}
