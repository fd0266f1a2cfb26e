//! What the edge lets through: the storefront's routes and nothing else, and of other services what is public.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Findings, access,
    object::{list, text},
    render::rendered,
};
use crate::{
    infra::{Outcome, Tree, folder},
    platform::layout::SERVICES,
};

const PAGES: &str = "services/storefront/src/pages";
/// Never at the edge, whatever a release adds.
const INTERNAL: [&str; 5] = ["/metrics", "/healthz", "/readyz", "/faults", "/openapi.json"];

#[derive(Debug, PartialEq)]
enum Match {
    Exact(String),
    Prefix(String),
}

impl Match {
    /// Whether every path of a route's pattern gets through by it.
    fn covers(&self, pattern: &str) -> bool {
        let fixed = pattern.split('{').next().unwrap_or(pattern);
        match self {
            Self::Exact(path) => path == pattern,
            Self::Prefix(path) => {
                let whole = format!("{}/", path.trim_end_matches('/'));
                fixed.starts_with(&whole) || fixed == whole.trim_end_matches('/')
            }
        }
    }
}

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let routes = storefront(tree)?;
    let public = public(tree)?;
    let mut findings = Findings::new();
    for cluster in &rendered.clusters {
        for canary in cluster.objects.iter().filter(|o| o.kind() == "Canary") {
            let matches: Vec<Match> = list(&canary.value, "/spec/service/match")
                .iter()
                .map(|m| match text(m, "/uri/exact") {
                    "" => Match::Prefix(text(m, "/uri/prefix").to_owned()),
                    exact => Match::Exact(exact.to_owned()),
                })
                .collect();
            for route in routes.iter().filter(|route| !matches.iter().any(|m| m.covers(route))) {
                findings.add(format!("{}: {route} does not get through", canary.shown()));
            }
            for entry in matches.iter().filter(|m| !routes.iter().any(|route| m.covers(route))) {
                findings.add(format!("{}: {entry:?} is no route of the storefront", canary.shown()));
            }
            for path in INTERNAL.iter().filter(|path| matches.iter().any(|m| m.covers(path))) {
                findings.add(format!("{}: {path} gets through", canary.shown()));
            }
            let removed = list(&canary.value, "/spec/service/headers/request/remove");
            for header in ["traceparent", "authorization", "x-request-deadline-ms"] {
                if !removed.iter().any(|r| r == header) {
                    findings.add(format!("{}: takes the header {header} from outside", canary.shown()));
                }
            }
        }
        for object in cluster.objects.iter().filter(|o| o.kind() == "HTTPRoute") {
            for rule in list(&object.value, "/spec/rules") {
                let services = list(rule, "/backendRefs").iter().map(|b| text(b, "/name"));
                for service in services.filter(|name| SERVICES.contains(name)) {
                    for path in list(rule, "/matches").iter().map(|m| m.get("path").unwrap_or(&Value::Null)) {
                        let value = text(path, "/value");
                        let is_public = text(path, "/type") == "Exact"
                            && public.iter().any(|(of, pattern)| of == service && fits(pattern, value));
                        if !is_public {
                            findings.add(format!("{}: {value} of {service} is not public", object.shown()));
                        }
                    }
                    if list(rule, "/matches").is_empty() {
                        findings.add(format!("{}: all of {service} gets through", object.shown()));
                    }
                }
            }
        }
    }
    findings.outcome(format!("{} routes of the storefront", routes.len()))
}

/// A path that a pattern such as `/webhooks/{provider}` takes.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(want, is)| want == is || want.starts_with('{'))
}

/// The patterns of the storefront's router, from its sources.
fn storefront(tree: &Tree) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    for file in folder::files(&tree.root.join(PAGES), ".rs")? {
        let source = folder::read(&file)?;
        // What tests serve stands behind their module.
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        let patterns = source.split(".route(").skip(1);
        found.extend(
            patterns
                .filter_map(|rest| Some(rest.trim_start().strip_prefix('"')?.split_once('"')?.0.to_owned())),
        );
    }
    if found.len() < 20 {
        return Err(format!("{PAGES}: only {} routes were found, so they stand elsewhere now", found.len()));
    }
    Ok(found)
}

fn public(tree: &Tree) -> Result<Vec<(String, String)>, String> {
    let rows = access::routes(&tree.root)?;
    let public = rows.into_iter().filter(|route| route.callers.iter().any(|caller| caller == "public"));
    Ok(public.map(|route| (route.service, route.path)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_of_whole_elements() {
        let prefix = Match::Prefix("/p/".into());
        assert!(prefix.covers("/p/{slug}") && !prefix.covers("/pictures/{file}"));
        assert!(
            Match::Exact("/cart".into()).covers("/cart") && !Match::Exact("/cart".into()).covers("/cart/add")
        );
        assert!(Match::Prefix("/".into()).covers("/metrics"));
        assert!(
            fits("/webhooks/{provider}", "/webhooks/stripe") && !fits("/webhooks/{provider}", "/webhooks")
        );
    }
}
