//! The order in which Flux applies: what comes first needs nothing else, what a Kustomization waits for exists, nothing waits
//! for itself, and what its health depends on is among what it makes.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Findings,
    object::{Object, list, text},
    render::rendered,
};
use crate::infra::{Outcome, Tree};

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let (mut findings, mut count) = (Findings::new(), 0);
    for cluster in &rendered.clusters {
        let of_kind =
            |kind: &str| cluster.objects.iter().filter(move |o| o.kind() == kind).collect::<Vec<_>>();
        let kustomizations: Vec<&Object> = of_kind("Kustomization");
        count += kustomizations.len();
        brought(&mut findings, &cluster.objects, &kustomizations);
        waits(&mut findings, &kustomizations);
        waits(&mut findings, &of_kind("HelmRelease"));
        for object in kustomizations {
            let path = object.text("/spec/path").trim_start_matches("./");
            if object.value.pointer("/spec/prune").and_then(serde_json::Value::as_bool) != Some(true) {
                findings.add(format!("{}: without prune, what is removed from git stays", object.shown()));
            }
            // Whoever takes a variant writes its checks with the path.
            if cluster.name.starts_with("variants/") {
                continue;
            }
            let health = list(&object.value, "/spec/healthChecks");
            if health.is_empty() {
                findings.add(format!("{}: no healthChecks, so nothing waits for it", object.shown()));
            }
            for check in health {
                let (kind, name, space) =
                    (text(check, "/kind"), text(check, "/name"), text(check, "/namespace"));
                let made = cluster.objects.iter().any(|o| {
                    o.path == path
                        && o.is(kind, name, space)
                        && o.text("/apiVersion") == text(check, "/apiVersion")
                });
                if !made {
                    findings.add(format!(
                        "{}: healthChecks names {kind} {name}, which {path} does not make",
                        object.shown()
                    ));
                }
            }
        }
        for object in &cluster.objects {
            let reference = match object.kind() {
                "Kustomization" | "ImageUpdateAutomation" => "/spec/sourceRef",
                "HelmRelease" => "/spec/chart/spec/sourceRef",
                "Alert" => "/spec/providerRef",
                "ImagePolicy" => "/spec/imageRepositoryRef",
                _ => continue,
            };
            let Some(to) = object.value.pointer(reference) else { continue };
            let kind = match object.kind() {
                "Alert" => "Provider",
                "ImagePolicy" => "ImageRepository",
                _ => text(to, "/kind"),
            };
            let space =
                if text(to, "/namespace").is_empty() { object.namespace() } else { text(to, "/namespace") };
            if !cluster.objects.iter().any(|o| o.is(kind, text(to, "/name"), space)) {
                findings.add(format!("{}: {kind} {} does not exist", object.shown(), text(to, "/name")));
            }
        }
    }
    findings.outcome(format!("{count} Kustomizations of {} clusters", rendered.clusters.len()))
}

/// What is applied to a cluster that has Flux and nothing else has kinds that Flux brings or Kubernetes knows: of a folder with
/// one that is unknown Flux applies nothing, so what would bring it never comes.
fn brought(findings: &mut Findings, objects: &[Object], kustomizations: &[&Object]) {
    let first: BTreeSet<&str> = kustomizations
        .iter()
        .filter(|o| list(&o.value, "/spec/dependsOn").is_empty())
        .map(|o| o.text("/spec/path").trim_start_matches("./"))
        .collect();
    let is_first = |o: &&Object| o.path.starts_with("gitops/clusters/") || first.contains(o.path.as_str());
    for object in objects.iter().filter(is_first) {
        let group = object.text("/apiVersion").split_once('/').map_or("", |(group, _)| group);
        if !group.is_empty() && !group.ends_with(".toolkit.fluxcd.io") {
            findings.add(format!("{}: an empty cluster does not know {group}", object.shown()));
        }
    }
}

/// Each name that is waited for exists, and following them comes to an end.
fn waits(findings: &mut Findings, objects: &[&Object]) {
    let on: BTreeMap<&str, Vec<&str>> = objects
        .iter()
        .map(|o| (o.name(), list(&o.value, "/spec/dependsOn").iter().map(|d| text(d, "/name")).collect()))
        .collect();
    for object in objects {
        for wanted in &on[object.name()] {
            if !on.contains_key(wanted) {
                findings.add(format!("{}: dependsOn {wanted}, which does not exist", object.shown()));
            }
        }
        let (mut seen, mut next) = (BTreeSet::new(), on[object.name()].clone());
        while let Some(name) = next.pop() {
            if seen.insert(name) {
                next.extend(on.get(name).into_iter().flatten());
            }
        }
        if seen.contains(object.name()) {
            findings.add(format!("{}: waits for itself", object.shown()));
        }
    }
}
