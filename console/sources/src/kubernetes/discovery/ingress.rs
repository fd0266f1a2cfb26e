//! The role `ingress`: a target for each path of each rule, at the rule's host.

use console_ingest::scrape::ClusterGroup;
use k8s_openapi::api::networking::v1::{Ingress, IngressRule};

use super::{labels::MetaLabels, metadata::add_namespace, objects::Surroundings};

pub(super) fn ingress_group(ingress: &Ingress, around: &Surroundings) -> ClusterGroup {
    let name = ingress.metadata.name.as_deref().unwrap_or_default();
    let namespace = ingress.metadata.namespace.as_deref().unwrap_or_default();
    let spec = ingress.spec.clone().unwrap_or_default();
    let mut labels = MetaLabels::default();
    labels
        .set("namespace", namespace)
        .set_option("ingress_class_name", spec.ingress_class_name.as_deref())
        .object("ingress", &ingress.metadata);
    add_namespace(&mut labels, namespace, around);

    let patterns: Vec<&String> =
        spec.tls.iter().flatten().flat_map(|tls| tls.hosts.iter().flatten()).collect();
    let mut targets = Vec::new();
    for rule in spec.rules.iter().flatten() {
        let host = rule.host.as_deref().unwrap_or_default();
        let is_tls = patterns.iter().any(|pattern| matches(pattern, host));
        for path in paths(rule) {
            let mut target = MetaLabels::default();
            target
                .address(host, None)
                .set("ingress_scheme", if is_tls { "https" } else { "http" })
                .set("ingress_host", host)
                .set("ingress_path", path);
            targets.push(target.finish());
        }
    }
    ClusterGroup { source: format!("ingress/{namespace}/{name}"), labels: labels.finish(), targets }
}

/// The root, where there are none, and in place of an empty one.
fn paths(rule: &IngressRule) -> Vec<&str> {
    let Some(http) = &rule.http else { return vec!["/"] };
    let paths = http.paths.iter().map(|p| p.path.as_deref().unwrap_or_default());
    paths.map(|path| if path.is_empty() { "/" } else { path }).collect()
}

/// The same name, or one with a `*` in place of its first part.
fn matches(pattern: &str, host: &str) -> bool {
    let (pattern_parts, host_parts) = (pattern.split('.'), host.split('.'));
    let is_wildcard = pattern.split('.').next() == Some("*");
    pattern == host || (is_wildcard && pattern_parts.skip(1).eq(host_parts.skip(1)))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_one_part_of_a_name() {
        for (pattern, host, expected) in [
            ("shop.test", "shop.test", true),
            ("*.shop.test", "www.shop.test", true),
            ("*.shop.test", "shop.test", false),
            ("*.shop.test", "a.www.shop.test", false),
            ("w*.shop.test", "www.shop.test", false),
        ] {
            assert_eq!(matches(pattern, host), expected, "{pattern} {host}");
        }
    }
}
