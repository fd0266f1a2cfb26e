//! Who reaches whom: the NetworkPolicies of the services, written from the table of callers that the services themselves
//! check (`services/instrumentation/registry/access.toml`), and held against it both ways.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use serde::Deserialize;
use serde_json::Value;

use super::{Findings, object};
use crate::{
    infra::{Outcome, Tree, folder},
    platform::layout::SERVICES,
};

const TABLE: &str = "services/instrumentation/registry/access.toml";
const PUBLIC: &str = "public";

/// What is reached outside the cluster: port, and what is there.
const OUTSIDE: [(&str, u16, &str); 2] =
    [("payments", 443, "The payment provider."), ("notifications", 587, "The mail server.")];

/// What an address in the environment leads to: pods and ports in the namespace `data`.
const STORES: [(&str, &str, &[u16]); 3] = [
    ("DATABASE_URL", "postgres-pooler", &[5432]),
    ("REDIS_URL", "redis", &[6379, 26379]),
    ("REDIS_CACHE_URL", "redis-cache", &[6379, 26379]),
];

#[derive(Deserialize)]
struct Table {
    route: Vec<Route>,
}

/// A row of the table.
#[derive(Deserialize)]
pub struct Route {
    pub service: String,
    pub path: String,
    pub callers: Vec<String>,
}

/// All rows.
pub fn routes(root: &Path) -> Result<Vec<Route>, String> {
    let table: Table =
        toml::from_str(&folder::read(&root.join(TABLE))?).map_err(|e| format!("{TABLE}: {e}"))?;
    Ok(table.route)
}

/// Which service calls which, as the table has it; `public` calls too.
pub struct Matrix(BTreeSet<(String, String)>);

impl Matrix {
    pub fn read(root: &Path) -> Result<Self, String> {
        let pairs =
            |route: Route| route.callers.into_iter().map(move |caller| (caller, route.service.clone()));
        Ok(Self(routes(root)?.into_iter().flat_map(pairs).collect()))
    }

    pub fn callers<'a>(&'a self, of: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(_, service)| service == of).map(|(caller, _)| caller.as_str())
    }

    pub fn called_by<'a>(&'a self, caller: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(from, _)| from == caller).map(|(_, service)| service.as_str())
    }
}

fn file(root: &Path, service: &str) -> std::path::PathBuf {
    root.join("gitops/apps/base").join(service).join("network-policy.yaml")
}

/// Writes the policies of all services anew.
pub fn write(tree: &Tree) -> Result<(), String> {
    let matrix = Matrix::read(&tree.root)?;
    for service in SERVICES {
        folder::write(&file(&tree.root, service), &policy(&tree.root, &matrix, service)?)?;
    }
    Ok(())
}

/// The files are what the table says, and nothing in `gitops/` lets anybody else in.
pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let matrix = Matrix::read(&tree.root)?;
    let mut findings = Findings::new();
    for service in SERVICES {
        let path = file(&tree.root, service);
        if folder::read(&path)? != policy(&tree.root, &matrix, service)? {
            let shown = path.strip_prefix(&tree.root).unwrap_or(&path).display().to_string();
            findings.add(format!("{shown} is not what {TABLE} says: write it with `xtask infra --docs`"));
        }
    }
    findings.outcome(format!("{} pairs of callers", matrix.0.len()))
}

/// The variables that a service's own manifest sets.
fn addresses(root: &Path, service: &str) -> Result<Vec<String>, String> {
    let path = root.join("gitops/apps/base").join(service).join("deployment.yaml");
    let value: Value =
        serde_saphyr::from_str(&folder::read(&path)?).map_err(|e| format!("{}: {e}", path.display()))?;
    let containers = object::list(&value, "/spec/template/spec/containers");
    Ok(containers.iter().flat_map(object::variables).map(|(name, _)| name.to_owned()).collect())
}

fn policy(root: &Path, matrix: &Matrix, service: &str) -> Result<String, String> {
    let mut out = format!(
        "# Written by `xtask infra --docs` from {TABLE}.\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
         metadata:\n  name: {service}\nspec:\n  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: {service}\n  \
         policyTypes: [Ingress, Egress]\n  ingress:\n"
    );
    let callers: Vec<&str> = matrix.callers(service).collect();
    if !callers.is_empty() {
        out.push_str("    - from:\n");
        for caller in callers {
            match caller {
                PUBLIC => namespace(&mut out, "gateway-system"),
                caller => pods(&mut out, caller),
            }
        }
        ports(&mut out, &[8080]);
    }
    out.push_str("    # Whoever scrapes; probes come from the node.\n    - from:\n");
    namespace(&mut out, "observability");
    ports(&mut out, &[8081]);
    out.push_str("  egress:\n    - to:\n");
    namespace(&mut out, "kube-system");
    out.push_str("      ports:\n        - port: 53\n          protocol: UDP\n        - port: 53\n          protocol: TCP\n");
    out.push_str("    # Telemetry.\n    - to:\n");
    pods(&mut out, "console");
    namespace(&mut out, "observability");
    ports(&mut out, &[4317, 8090]);
    let called: Vec<&str> = matrix.called_by(service).collect();
    if !called.is_empty() {
        out.push_str("    - to:\n");
        for called in &called {
            pods(&mut out, called);
        }
        ports(&mut out, &[8080]);
    }
    let set = addresses(root, service)?;
    for (_, store, listens) in STORES.iter().filter(|(name, ..)| set.iter().any(|s| s == name)) {
        // One of both forms of Redis is there: servers, or the proxy to ElastiCache.
        let names: &[String] = &match *store {
            "postgres-pooler" => vec![(*store).to_owned()],
            store => vec![store.to_owned(), format!("{store}-proxy")],
        };
        out.push_str("    - to:\n");
        for name in names {
            let _ = write!(
                out,
                "        - namespaceSelector:\n            matchLabels:\n              kubernetes.io/metadata.name: data\n          \
                 podSelector:\n            matchLabels:\n              app.kubernetes.io/name: {name}\n"
            );
        }
        ports(&mut out, listens);
    }
    for (_, port, what) in OUTSIDE.iter().filter(|(of, ..)| *of == service) {
        let _ = write!(
            out,
            "    # {what}\n    - to:\n        - ipBlock:\n            cidr: 0.0.0.0/0\n            \
             except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16]\n"
        );
        ports(&mut out, &[*port]);
    }
    Ok(out)
}

fn pods(out: &mut String, name: &str) {
    let _ = write!(
        out,
        "        - podSelector:\n            matchLabels:\n              app.kubernetes.io/name: {name}\n"
    );
}

fn namespace(out: &mut String, name: &str) {
    let _ = write!(
        out,
        "        - namespaceSelector:\n            matchLabels:\n              kubernetes.io/metadata.name: {name}\n"
    );
}

fn ports(out: &mut String, ports: &[u16]) {
    out.push_str("      ports:\n");
    for port in ports {
        let _ = writeln!(out, "        - port: {port}");
    }
}
