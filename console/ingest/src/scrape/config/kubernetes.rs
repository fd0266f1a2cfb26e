//! `kubernetes_sd_configs`: what is looked for in a cluster, and how its API server is reached.

use std::path::PathBuf;

use url::Url;

use super::{
    Auth, HttpConfig,
    build::Section,
    http::http_url,
    raw::{RawKubernetes, RawSelector},
    selector::{check_field_selector, check_label_selector},
    yaml::Spanned,
};

/// Longest list of namespaces: each has watches of its own.
const MAX_NAMESPACES: usize = 100;

/// One entry of `kubernetes_sd_configs`. Equal ones find the same targets, and can share their watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesDiscovery {
    pub role: KubernetesRole,
    pub server: ApiServer,
    pub namespaces: Namespaces,
    pub selectors: Vec<KubernetesSelector>,
    pub attach: AttachMetadata,
}

/// What becomes targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubernetesRole {
    Node,
    Service,
    Pod,
    Endpoints,
    EndpointSlice,
    Ingress,
}

/// How the API server is found and spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiServer {
    /// As a pod finds it: by its environment, with the token and the authority of its service account.
    InCluster,
    Kubeconfig {
        file: PathBuf,
        /// Absent: the file's `current-context`, as always where a scrape configuration names the file.
        context: Option<String>,
    },
    Url {
        url: Url,
        http: HttpConfig,
    },
}

/// Where objects are looked for; neither own nor named means everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The one that the console's pod is in.
    pub own: bool,
    pub names: Vec<String>,
}

/// What the API server leaves out, in its own syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesSelector {
    pub role: KubernetesRole,
    pub label: String,
    pub field: String,
}

/// What targets are told of objects that they belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttachMetadata {
    pub node: bool,
    pub namespace: bool,
}

impl KubernetesRole {
    const ALL: [Self; 6] =
        [Self::Node, Self::Service, Self::Pod, Self::Endpoints, Self::EndpointSlice, Self::Ingress];

    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Service => "service",
            Self::Pod => "pod",
            Self::Endpoints => "endpoints",
            Self::EndpointSlice => "endpointslice",
            Self::Ingress => "ingress",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| {
            format!("{text:?} must be one of node, service, pod, endpoints, endpointslice and ingress")
        })
    }

    /// The objects that this role reads, as far as selectors may choose among them.
    fn selectable(self) -> &'static [Self] {
        match self {
            Self::Node => &[Self::Node],
            Self::Service => &[Self::Service],
            Self::Pod => &[Self::Pod, Self::Node],
            Self::Endpoints => &[Self::Pod, Self::Service, Self::Endpoints],
            Self::EndpointSlice => &[Self::Pod, Self::Service, Self::EndpointSlice],
            Self::Ingress => &[Self::Ingress],
        }
    }
}

impl Section<'_> {
    pub(super) fn kubernetes_discovery(
        &mut self,
        index: usize,
        raw: &Spanned<RawKubernetes>,
    ) -> KubernetesDiscovery {
        let mut section = self.at(&format!("kubernetes_sd_configs[{index}]"), raw.referenced.line());
        let raw = &raw.value;
        section.refuse(raw.unsupported());
        section.at("attach_metadata", 0).refuse(raw.attach_metadata.unsupported());
        if raw.role.is_none() {
            section.add("role", "is missing: node, service, pod, endpoints, endpointslice or ingress");
        }
        let role = section.read("role", raw.role.as_ref(), KubernetesRole::parse);
        let role = role.unwrap_or(KubernetesRole::Pod);
        KubernetesDiscovery {
            role,
            server: section.api_server(raw),
            namespaces: section.namespaces(raw),
            selectors: section.selectors(role, &raw.selectors),
            attach: AttachMetadata {
                node: raw.attach_metadata.node.unwrap_or(false),
                namespace: raw.attach_metadata.namespace.unwrap_or(false),
            },
        }
    }

    fn api_server(&mut self, raw: &RawKubernetes) -> ApiServer {
        let http = self.http(raw);
        let own = raw.namespaces.own_namespace.as_ref().filter(|own| own.value);
        let (url, file) = (&raw.api_server, &raw.kubeconfig_file);
        if let (Some(_), Some(file)) = (url, file) {
            self.add_at(file.referenced.line(), "kubeconfig_file", "cannot be there beside api_server");
        }
        if http.tls.min_version.is_some() || http.tls.max_version.is_some() {
            self.add("tls_config", "min_version and max_version are not supported for an API server");
        }
        if matches!(&http.auth, Auth::Header { scheme, .. } if !scheme.eq_ignore_ascii_case("bearer")) {
            self.add("authorization.type", "must be Bearer for an API server");
        }
        if url.is_none() && http != HttpConfig::default() {
            let message = "is missing: settings of requests are for an api_server that is named";
            self.add("api_server", message);
        }
        if let (Some(own), true) = (own, url.is_some() || file.is_some()) {
            let message =
                "cannot be there beside api_server or kubeconfig_file: it is the pod's own namespace";
            self.add_at(own.referenced.line(), "namespaces.own_namespace", message);
        }
        if let Some(file) = file {
            return ApiServer::Kubeconfig { file: self.folder.join(&file.value), context: None };
        }
        match self.read("api_server", url.as_ref(), http_url) {
            Some(url) => ApiServer::Url { url, http },
            None => ApiServer::InCluster,
        }
    }

    fn namespaces(&mut self, raw: &RawKubernetes) -> Namespaces {
        let raw = &raw.namespaces;
        for (i, name) in raw.names.iter().enumerate() {
            self.read(&format!("namespaces.names[{i}]"), Some(name), check_namespace);
        }
        if let Some(first_over) = raw.names.get(MAX_NAMESPACES) {
            let message = format!("are more than {MAX_NAMESPACES}; none at all means every namespace");
            self.add_at(first_over.referenced.line(), "namespaces.names", message);
        }
        Namespaces {
            own: raw.own_namespace.as_ref().is_some_and(|own| own.value),
            names: raw.names.iter().map(|name| name.value.clone()).collect(),
        }
    }

    fn selectors(&mut self, of: KubernetesRole, raw: &[Spanned<RawSelector>]) -> Vec<KubernetesSelector> {
        let mut all: Vec<KubernetesSelector> = Vec::new();
        for (i, raw) in raw.iter().enumerate() {
            let mut section = self.at(&format!("selectors[{i}]"), raw.referenced.line());
            let raw = &raw.value;
            if raw.role.is_none() {
                section.add("role", "is missing");
            }
            let role = section.read("role", raw.role.as_ref(), |text| {
                let role = KubernetesRole::parse(text)?;
                let allowed = of.selectable();
                if !allowed.contains(&role) {
                    let names: Vec<_> = allowed.iter().map(|role| role.name()).collect();
                    return Err(format!("of role {} may be {}, not {text}", of.name(), names.join(", ")));
                }
                if all.iter().any(|other| other.role == role) {
                    return Err(format!("there are several selectors of role {text}"));
                }
                Ok(role)
            });
            section.read("label", raw.label.as_ref(), check_label_selector);
            section.read("field", raw.field.as_ref(), check_field_selector);
            let text =
                |raw: &Option<Spanned<String>>| raw.as_ref().map_or(String::new(), |t| t.value.clone());
            if let Some(role) = role {
                all.push(KubernetesSelector { role, label: text(&raw.label), field: text(&raw.field) });
            }
        }
        all
    }
}

/// A DNS label (RFC 1123), as Kubernetes wants it.
pub fn check_namespace(text: &str) -> Result<(), String> {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let inner = text.bytes().all(|b| is_plain(b) || b == b'-');
    let ends = text.bytes().next().is_some_and(is_plain) && text.bytes().last().is_some_and(is_plain);
    if inner && ends && text.len() <= 63 {
        return Ok(());
    }
    Err(format!("{text:?} is not a valid name of a namespace"))
}
