//! The cluster that is watched.

use std::{collections::BTreeSet, path::PathBuf};

use console_ingest::scrape::config::check_namespace;
use console_sources::kubernetes::{ClusterAccess, KubernetesConfig};
use serde::Deserialize;

/// Each has watches of its own.
const MAX_NAMESPACES: usize = 16;

/// Nothing is watched by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesSettings {
    /// As the service account of the pod that the console runs in.
    pub in_cluster: bool,
    /// As this file says.
    pub kubeconfig: Option<PathBuf>,
    /// Absent: the file's `current-context`.
    pub context: Option<String>,
    /// Empty: all of them.
    pub namespaces: Vec<String>,
}

impl KubernetesSettings {
    /// None: no cluster is watched.
    pub fn access(&self) -> Option<ClusterAccess> {
        match &self.kubeconfig {
            Some(file) => {
                Some(ClusterAccess::Kubeconfig { file: file.clone(), context: self.context.clone() })
            }
            None => self.in_cluster.then_some(ClusterAccess::InCluster),
        }
    }

    pub fn watched(&self) -> Option<KubernetesConfig> {
        Some(KubernetesConfig::new(self.access()?, self.namespaces.clone()))
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.in_cluster && self.kubeconfig.is_some() {
            found.push("kubernetes: either in_cluster or kubeconfig, not both".to_owned());
        }
        if self.context.is_some() && self.kubeconfig.is_none() {
            found.push("kubernetes.context: there is no kubeconfig".to_owned());
        }
        if !self.namespaces.is_empty() && self.access().is_none() {
            found.push(
                "kubernetes.namespaces: neither in_cluster nor kubeconfig says which cluster".to_owned(),
            );
        }
        found.extend(check_namespaces("kubernetes.namespaces", &self.namespaces));
        found
    }
}

/// What is wrong with the namespaces of a field whose objects are watched.
pub(super) fn check_namespaces(field: &str, names: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let n = names.len();
    if n > MAX_NAMESPACES {
        found.push(format!("{field}: {n} are more than {MAX_NAMESPACES}; without any, all are watched"));
    }
    let mut seen = BTreeSet::new();
    for name in names {
        if let Err(e) = check_namespace(name) {
            found.push(format!("{field}: {e}"));
        } else if !seen.insert(name) {
            found.push(format!("{field}: {name:?} stands there twice"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> KubernetesSettings {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn nothing_is_watched_unless_it_is_said_which_cluster() {
        assert_eq!(KubernetesSettings::default().access(), None);
        assert_eq!(settings("in_cluster: true").access(), Some(ClusterAccess::InCluster));
        let named = settings("{ kubeconfig: /k, context: c, namespaces: [flux-system, shop] }");
        let file = ClusterAccess::Kubeconfig { file: "/k".into(), context: Some("c".into()) };
        assert_eq!((named.access(), named.problems()), (Some(file), Vec::new()));
        assert_eq!(named.watched().unwrap().namespaces, ["flux-system", "shop"]);
    }

    #[test]
    fn what_contradicts_itself_is_named_by_its_field() {
        let many = (0..17).map(|n| format!("n{n}")).collect::<Vec<_>>().join(", ");
        for (text, expected) in [
            ("{ in_cluster: true, kubeconfig: /k }", "kubernetes: either"),
            ("{ in_cluster: true, context: c }", "kubernetes.context: "),
            ("namespaces: [shop]", "kubernetes.namespaces: neither"),
            (
                "{ in_cluster: true, namespaces: [Shop] }",
                "kubernetes.namespaces: \"Shop\" is not a valid name",
            ),
            ("{ in_cluster: true, namespaces: [a/b] }", "kubernetes.namespaces: \"a/b\" is not a valid name"),
            (
                "{ in_cluster: true, namespaces: [shop, shop] }",
                "kubernetes.namespaces: \"shop\" stands there twice",
            ),
            (
                &format!("{{ in_cluster: true, namespaces: [{many}] }}"),
                "kubernetes.namespaces: 17 are more than 16",
            ),
        ] {
            let problems = settings(text).problems();
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(problems[0].starts_with(expected), "{text}: {problems:?}");
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        let options = serde_saphyr::options! { with_snippet: false };
        let error = serde_saphyr::from_str_with_options::<KubernetesSettings>("namespace: shop", options);
        assert!(error.unwrap_err().to_string().contains("namespace"));
    }
}
