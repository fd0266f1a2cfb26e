//! Every pod has a policy for what reaches it and, in the namespaces of the shop, for what it reaches; the rest is denied.
//! Security groups are Terraform's.

use serde_json::{Value, json};

use super::{
    Findings,
    object::{Object, list, selects},
    render::rendered,
};
use crate::infra::{Outcome, Tree};

/// Where both directions are closed.
const CLOSED: [&str; 2] = ["quarterdeck", "data"];
/// How a database is called that is restored beside the one of the name before (runbooks/guides/disaster-recovery.md).
const RESTORED: &str = "-restored";

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let (mut findings, mut count) = (Findings::new(), 0);
    for cluster in &rendered.clusters {
        let policies: Vec<_> = cluster.objects.iter().filter(|o| o.kind() == "NetworkPolicy").collect();
        let covers = |policy: &Value, direction: &str| {
            list(policy, "/spec/policyTypes").iter().any(|d| d == direction)
        };
        for space in CLOSED {
            if !cluster.objects.iter().any(|o| o.namespace() == space) {
                continue;
            }
            let denies = policies.iter().any(|o| {
                o.namespace() == space
                    && o.value.pointer("/spec/podSelector") == Some(&json!({}))
                    && ["Ingress", "Egress"].iter().all(|direction| covers(&o.value, direction))
                    && list(&o.value, "/spec/ingress").is_empty()
                    && list(&o.value, "/spec/egress").is_empty()
            });
            if !denies {
                findings.add(format!("{}: namespace {space} denies nothing by default", cluster.name));
            }
        }
        for object in &cluster.objects {
            let Some(labels) =
                object.template().map(|t| t.pointer("/metadata/labels").unwrap_or(&Value::Null))
            else {
                continue;
            };
            count += 1;
            let is_closed = CLOSED.contains(&object.namespace());
            for direction in if is_closed { &["Ingress", "Egress"][..] } else { &["Ingress"] } {
                let covered = policies.iter().any(|o| {
                    let selector = o.value.pointer("/spec/podSelector").unwrap_or(&Value::Null);
                    o.namespace() == object.namespace()
                        && !(is_closed && selector == &json!({}))
                        && covers(&o.value, direction)
                        && selects(selector, labels)
                });
                if !covered {
                    findings.add(format!("{}: no NetworkPolicy of its own for {direction}", object.shown()));
                }
            }
        }
        for database in cluster.objects.iter().filter(|o| o.kind() == "Cluster") {
            restored(&mut findings, &policies, database);
        }
        for binding in cluster.objects.iter().filter(|o| o.kind() == "TargetGroupBinding") {
            if binding.value.pointer("/spec/networking").is_some() {
                findings.add(format!(
                    "{}: networking changes security groups, which Terraform does and the controller may not",
                    binding.shown()
                ));
            }
        }
        for policy in policies.iter().filter(|o| CLOSED.contains(&o.namespace())) {
            for rule in list(&policy.value, "/spec/ingress") {
                let from = list(rule, "/from");
                let everybody = from.is_empty()
                    || from.iter().any(|peer| {
                        peer.get("namespaceSelector") == Some(&json!({})) || peer.get("ipBlock").is_some()
                    });
                if everybody {
                    findings.add(format!("{}: lets everybody in", policy.shown()));
                }
                if list(rule, "/ports").is_empty() {
                    findings.add(format!("{}: opens every port", policy.shown()));
                }
            }
            for rule in list(&policy.value, "/spec/egress") {
                if list(rule, "/ports").is_empty() {
                    findings.add(format!("{}: reaches every port", policy.shown()));
                }
            }
        }
    }
    findings.outcome(format!("{count} workloads"))
}

/// The operator's label of a database's pods; policies that know it know the restored one's as well.
fn restored(findings: &mut Findings, policies: &[&Object], database: &Object) {
    let labels = |name: &str| json!({ "cnpg.io/cluster": name, "cnpg.io/podRole": "instance" });
    let name = database.name();
    // Once it is the only one, it is restored under the first name.
    if name.ends_with(RESTORED) {
        return;
    }
    let (own, beside) = (labels(name), labels(&format!("{name}{RESTORED}")));
    for policy in policies {
        let rules = ["/spec/ingress", "/spec/egress"].into_iter().flat_map(|at| list(&policy.value, at));
        let peers = rules.flat_map(|rule| list(rule, "/from").iter().chain(list(rule, "/to")));
        let selectors = policy.value.pointer("/spec/podSelector").into_iter();
        let mut selectors = selectors.chain(peers.filter_map(|peer| peer.get("podSelector")));
        if selectors.any(|selector| selects(selector, &own) != selects(selector, &beside)) {
            findings.add(format!("{}: knows {name}, and not {name}{RESTORED}", policy.shown()));
        }
    }
}
