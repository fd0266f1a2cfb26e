//! The order in which Flux applies: what comes first needs nothing else, what a Kustomization waits for exists, nothing waits
//! for itself, and what its health depends on is among what it makes, releases of charts always. Clusters that apply the same
//! folder wait for the same.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Findings,
    object::{Object, list, text},
    render::{Cluster, rendered},
};
use crate::infra::{Outcome, Tree};

/// Releases that nothing waits for, and why.
const UNWATCHED: [(&str, &str); 1] = [("prometheus-adapter", "the Prometheus that it asks comes after it")];

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let (mut findings, mut count) = (Findings::new(), 0);
    alike(&mut findings, &rendered.clusters);
    for cluster in &rendered.clusters {
        heard(&mut findings, &cluster.objects);
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
            let releases = cluster.objects.iter().filter(|o| o.path == path && o.kind() == "HelmRelease");
            for release in releases.filter(|o| UNWATCHED.iter().all(|(name, _)| *name != o.name())) {
                let is_named = |check: &serde_json::Value| {
                    release.is(text(check, "/kind"), text(check, "/name"), text(check, "/namespace"))
                };
                if !health.iter().any(is_named) {
                    findings.add(format!(
                        "{}: healthChecks does not name HelmRelease {}",
                        object.shown(),
                        release.name()
                    ));
                }
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

/// A Kustomization of one name and folder is the same in every cluster, but for what it sets and waits for: each has a copy.
fn alike(findings: &mut Findings, clusters: &[Cluster]) {
    let mut first: BTreeMap<(&str, &str), (&str, serde_json::Value)> = BTreeMap::new();
    for cluster in clusters {
        for object in cluster.objects.iter().filter(|o| o.kind() == "Kustomization") {
            let mut spec = object.value["spec"].clone();
            if let Some(fields) = spec.as_object_mut() {
                fields.retain(|name, _| !["dependsOn", "postBuild"].contains(&name.as_str()));
            }
            let key = (object.name(), object.text("/spec/path"));
            let (other, as_there) = first.entry(key).or_insert_with(|| (cluster.name.as_str(), spec.clone()));
            if *as_there != spec {
                findings.add(format!(
                    "{}: Kustomization {} is not that of {other}, which applies the same folder",
                    cluster.name,
                    object.name()
                ));
            }
        }
    }
}

/// Who is told of releases is told of all: an event source is of one namespace.
fn heard(findings: &mut Findings, objects: &[Object]) {
    for alert in objects.iter().filter(|o| o.kind() == "Alert") {
        let sources = list(&alert.value, "/spec/eventSources").iter();
        let spaces: BTreeSet<&str> = sources
            .filter(|source| text(source, "/kind") == "HelmRelease")
            .map(|source| match text(source, "/namespace") {
                "" => alert.namespace(),
                named => named,
            })
            .collect();
        let releases = objects.iter().filter(|o| o.kind() == "HelmRelease");
        for release in releases.filter(|o| !spaces.is_empty() && !spaces.contains(o.namespace())) {
            findings.add(format!("{}: does not hear of HelmRelease {}", alert.shown(), release.name()));
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
