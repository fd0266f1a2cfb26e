//! No annotation that nobody reads: each has a reader that runs in the clusters.

use serde_json::Value;

use super::{Findings, render::rendered};
use crate::infra::{Outcome, Tree};

/// Prefixes, and who reads them.
const READ: [(&str, &str); 7] = [
    ("kustomize.toolkit.fluxcd.io/", "kustomize-controller"),
    ("helm.toolkit.fluxcd.io/", "helm-controller"),
    ("reconcile.fluxcd.io/", "Flux"),
    ("cnpg.io/", "CloudNativePG"),
    ("checksum/", "Kubernetes: a changed value makes new pods"),
    ("external-secrets.io/", "External Secrets"),
    ("storageclass.kubernetes.io/", "Kubernetes"),
];

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let (mut findings, mut count) = (Findings::new(), 0);
    for object in rendered.clusters.iter().flat_map(|c| &c.objects) {
        let own = object.value.pointer("/metadata/annotations");
        let of_pods = object.template().and_then(|t| t.pointer("/metadata/annotations"));
        for name in [own, of_pods].into_iter().flatten().filter_map(Value::as_object).flat_map(|a| a.keys()) {
            count += 1;
            if !READ.iter().any(|(prefix, _)| name.starts_with(prefix)) {
                findings.add(format!("{}: nobody reads the annotation {name}", object.shown()));
            }
        }
    }
    findings.outcome(format!("{count} annotations"))
}
