//! Images: a version each that does not move, no other registry than those that are named here, and no limit forgotten.

use serde_json::Value;

use super::{
    Findings,
    object::{Object, Role, text},
    render::rendered,
};
use crate::infra::{Outcome, Tree};

/// A tag is a version that cannot mean something else tomorrow.
fn problem(image: &str) -> Option<&'static str> {
    if image.contains("@sha256:") {
        return None;
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.split_once(':') {
        None => Some("has no tag"),
        Some((_, "latest" | "main" | "stable" | "edge")) => Some("has a tag that moves"),
        Some((_, tag)) if !tag.bytes().any(|b| b.is_ascii_digit()) => Some("has a tag that is no version"),
        Some(_) => None,
    }
}

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let (mut findings, mut count) = (Findings::new(), 0);
    for object in rendered.clusters.iter().flat_map(|c| &c.objects) {
        for (role, container) in object.containers() {
            count += 1;
            let image = text(container, "/image");
            if let Some(problem) = problem(image) {
                findings.add(format!("{}: image {image:?} {problem}", object.shown()));
            }
            resources(&mut findings, object, role, container);
        }
        for pointer in ["/spec/imageName", "/spec/image"] {
            if let Some(image) = object.value.pointer(pointer).and_then(Value::as_str)
                && object.kind() != "ImageRepository"
                && let Some(problem) = problem(image)
            {
                findings.add(format!("{}: image {image:?} {problem}", object.shown()));
            }
        }
        if object.kind() == "HelmRelease" {
            let version = object.text("/spec/chart/spec/version");
            if !version.starts_with(|c: char| c.is_ascii_digit()) {
                findings.add(format!("{}: the chart's version {version:?} is none", object.shown()));
            }
        }
    }
    findings.outcome(format!("{count} containers"))
}

/// What is asked for is what is used; memory has an end, a processor's share has none: it would only make things late.
fn resources(findings: &mut Findings, object: &Object, role: Role, container: &Value) {
    let name = text(container, "/name");
    for pointer in ["/resources/requests/cpu", "/resources/requests/memory", "/resources/limits/memory"] {
        if container.pointer(pointer).is_none() {
            findings.add(format!("{}: {role:?} container {name} has no {}", object.shown(), &pointer[11..]));
        }
    }
    let bytes = |pointer| container.pointer(pointer).and_then(Value::as_str).and_then(mebibytes);
    if let (Some(asked), Some(most)) =
        (bytes("/resources/requests/memory"), bytes("/resources/limits/memory"))
        && asked > most
    {
        findings.add(format!("{}: container {name} asks for more memory than it may take", object.shown()));
    }
}

fn mebibytes(quantity: &str) -> Option<u64> {
    let (number, factor) = match quantity.strip_suffix("Gi") {
        Some(number) => (number, 1024),
        None => (quantity.strip_suffix("Mi")?, 1),
    };
    number.parse::<u64>().ok().map(|n| n * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_and_digests_stay() {
        for image in ["r:5000/a/b:1.2.3", "b@sha256:00", "b:v1"] {
            assert_eq!(problem(image), None, "{image}");
        }
        for image in ["r:5000/a/b", "b:latest", "b:stable", "b:nightly"] {
            assert!(problem(image).is_some(), "{image}");
        }
    }
}
