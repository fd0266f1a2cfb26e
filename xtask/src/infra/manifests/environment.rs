//! What a Deployment sets against what the program in it reads: every name is read, everything required is set, and
//! addresses lead to what is there and to nobody whom the service does not call.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Findings,
    access::Matrix,
    object::{Object, list, text, variables},
    render::{Cluster, rendered},
};
use crate::{
    infra::{Outcome, Tree, program},
    platform::layout::{SERVICES, repository_root, target_dir},
};

/// What a service says of itself (`shop-orders --environment`).
#[derive(Debug, Deserialize)]
pub struct Description {
    pub variables: BTreeSet<String>,
    pub required: BTreeSet<BTreeSet<String>>,
    pub live: String,
    pub ready: String,
    pub metrics: String,
}

pub fn described(service: &str) -> Result<Description, String> {
    let printed = built(&format!("shop-{service}"))
        .and_then(|mut command| program::output(command.arg("--environment")))
        .map_err(|e| format!("shop-{service} --environment: {e}"))?;
    serde_json::from_str(&printed).map_err(|e| format!("shop-{service} --environment: {e}"))
}

/// A program of this workspace, as it was built last.
pub fn built(name: &str) -> Result<std::process::Command, String> {
    let file = target_dir(&repository_root()?).join("debug").join(name);
    if !file.is_file() {
        return Err(format!("{} is missing: `make infra` builds it", file.display()));
    }
    let mut command = std::process::Command::new(file);
    command.stdin(std::process::Stdio::null());
    Ok(command)
}

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let matrix = Matrix::read(&tree.root)?;
    let (mut findings, mut count) = (Findings::new(), 0);
    for service in SERVICES {
        let description = described(service)?;
        for cluster in &rendered.clusters {
            let of_shop = cluster.objects.iter().any(|o| o.service().is_some());
            let Some(object) = cluster.objects.iter().find(|o| o.service() == Some(service)) else {
                if of_shop {
                    findings.add(format!("{}: no Deployment of {service}", cluster.name));
                }
                continue;
            };
            let container = &list(object.pod().unwrap_or(&Value::Null), "/containers")[0];
            let set: BTreeSet<&str> = variables(container).map(|(name, _)| name).collect();
            count += set.len();
            names(&mut findings, object, &description, &set);
            for (name, entry) in variables(container) {
                let value = text(entry, "/value");
                if name.ends_with("_URLS")
                    || matches!(name, "OTEL_EXPORTER_OTLP_ENDPOINT" | "LOKI_URL" | "SANDBOX_WEBHOOK_URL")
                {
                    reachable(&mut findings, cluster, object, name, value);
                }
            }
            let called: BTreeSet<&str> = matrix.called_by(service).collect();
            let addressed: BTreeSet<String> =
                set.iter().filter_map(|name| name.strip_suffix("_URLS")).map(str::to_lowercase).collect();
            if !addressed.iter().map(String::as_str).eq(called.iter().copied()) {
                findings
                    .add(format!("{}: has addresses of {addressed:?}, and calls {called:?}", object.shown()));
            }
            listeners(&mut findings, object, container);
        }
    }
    for cluster in &rendered.clusters {
        for object in
            cluster.objects.iter().filter(|o| o.kind() == "ExternalSecret" && o.namespace() == "quarterdeck")
        {
            stores(&mut findings, cluster, object);
        }
    }
    findings.outcome(format!("{count} variables of {} services", SERVICES.len()))
}

fn names(findings: &mut Findings, object: &Object, description: &Description, set: &BTreeSet<&str>) {
    for name in set.iter().filter(|name| !description.variables.contains(**name)) {
        findings.add(format!("{}: the program does not read {name}", object.shown()));
    }
    for any in description.required.iter().filter(|any| !any.iter().any(|name| set.contains(name.as_str()))) {
        let any: Vec<&str> = any.iter().map(String::as_str).collect();
        findings.add(format!("{}: the program requires {}", object.shown(), any.join(" or ")));
    }
}

/// The ports that it listens on are the container's.
fn listeners(findings: &mut Findings, object: &Object, container: &Value) {
    for (variable, port) in [("HTTP_ADDR", "http"), ("INTERNAL_ADDR", "internal")] {
        let address =
            variables(container).find(|(name, _)| *name == variable).map_or("", |(_, e)| text(e, "/value"));
        let declared = list(container, "/ports").iter().find(|p| text(p, "/name") == port);
        let declared = declared.and_then(|p| p.get("containerPort")).and_then(Value::as_u64);
        let listens = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        if declared.is_none() || declared != listens {
            findings
                .add(format!("{}: {variable} is {address}, and port {port} is {declared:?}", object.shown()));
        }
    }
}

/// `http://name:port` or `http://name.namespace:port` is a Service that listens there.
pub fn reachable(findings: &mut Findings, cluster: &Cluster, object: &Object, variable: &str, value: &str) {
    for url in value.split(',') {
        let authority = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        let (name, space) = host.split_once('.').unwrap_or((host, object.namespace()));
        let space = space.split('.').next().unwrap_or(space);
        let service = cluster.objects.iter().find(|o| o.is("Service", name, space));
        let listens = service.is_some_and(|s| {
            list(&s.value, "/spec/ports")
                .iter()
                .any(|p| p.get("port").and_then(Value::as_u64) == port.parse().ok())
        });
        if !listens {
            findings.add(format!("{}: {variable}: nothing listens at {authority}", object.shown()));
        }
    }
}

/// The addresses of stores, which an ExternalSecret puts together, name what the namespace `data` has.
fn stores(findings: &mut Findings, cluster: &Cluster, object: &Object) {
    let Some(template) = object.value.pointer("/spec/target/template/data").and_then(Value::as_object) else {
        return;
    };
    let exists = |kind: &str, name: &str| cluster.objects.iter().any(|o| o.is(kind, name, "data"));
    for (name, value) in template {
        let url = value.as_str().unwrap_or_default();
        let Some((login, rest)) = url.rsplit_once('@') else { continue };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.split('?').next().unwrap_or_default();
        match name.as_str() {
            "DATABASE_URL" => {
                let role = login.trim_start_matches("postgres://").split(':').next().unwrap_or_default();
                let service = object.name().trim_end_matches("-environment");
                let database = cluster.objects.iter().find(|o| o.is("Database", path, "data"));
                if role != service || database.is_none_or(|d| d.text("/spec/owner") != role) {
                    findings
                        .add(format!("{}: {role} at {path} is not {service}'s own database", object.shown()));
                }
                let pooler = hosts.split_once(".data:").map_or("", |(pooler, _)| pooler);
                if !exists("Pooler", pooler) {
                    findings.add(format!("{}: {name}: nothing listens at {hosts}", object.shown()));
                }
                if !url.contains("sslmode=require") {
                    findings.add(format!("{}: {name} does not want TLS", object.shown()));
                }
            }
            "REDIS_URL" | "REDIS_CACHE_URL" => {
                for host in hosts.split(',') {
                    let host = host.split(':').next().unwrap_or_default();
                    let parts: Vec<&str> = host.split('.').collect();
                    let found = match parts[..] {
                        // A pod of a StatefulSet.
                        [pod, service, "data"] => exists("StatefulSet", service) && pod.starts_with(service),
                        [service, "data"] => exists("Service", service) && !url.contains("+sentinel"),
                        _ => false,
                    };
                    if !found {
                        findings.add(format!("{}: {name}: nothing listens at {host}", object.shown()));
                    }
                }
            }
            _ => {}
        }
    }
}
