//! What a pod or an object names exists: Secrets and ConfigMaps with their keys, service accounts, volumes, ports, routes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Findings,
    environment::reachable,
    object::{Object, list, selects, text, variables},
    render::{Cluster, rendered},
};
use crate::infra::{Outcome, Tree};

/// Names of Secrets that operators make.
const MADE: [(&str, &str); 2] = [("quarterdeck-es-", "ECK"), ("quarterdeck-kb-", "ECK")];

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let (mut findings, mut count) = (Findings::new(), 0);
    for cluster in &rendered.clusters {
        for object in &cluster.objects {
            if object.pod().is_some() {
                count += 1;
                of_pod(&mut findings, cluster, object);
            }
            of_object(&mut findings, cluster, object);
        }
    }
    findings.outcome(format!("{count} workloads, {} clusters", rendered.clusters.len()))
}

/// The keys of a Secret or ConfigMap, where something makes one of that name; none that are known where it is somebody
/// else's (an operator's).
fn keys(cluster: &Cluster, kind: &str, name: &str, space: &str) -> Option<BTreeSet<String>> {
    let names = |value: Option<&Value>| -> Vec<String> {
        value.and_then(Value::as_object).map(|o| o.keys().cloned().collect()).unwrap_or_default()
    };
    let mut found: Option<BTreeSet<String>> = None;
    for object in cluster.objects.iter().filter(|o| o.namespace() == space) {
        let keys = match object.kind() {
            "ConfigMap" | "Secret" if object.kind() == kind && object.name() == name => {
                let mut keys = names(object.value.get("data"));
                keys.extend(names(object.value.get("stringData")));
                keys.extend(names(object.value.get("binaryData")));
                keys
            }
            "ExternalSecret" if kind == "Secret" => {
                let target = object.text("/spec/target/name");
                if name != if target.is_empty() { object.name() } else { target } {
                    continue;
                }
                match object.value.pointer("/spec/target/template/data") {
                    Some(template) => names(Some(template)),
                    None => list(&object.value, "/spec/data")
                        .iter()
                        .map(|d| text(d, "/secretKey").to_owned())
                        .collect(),
                }
            }
            _ => continue,
        };
        found.get_or_insert_default().extend(keys);
    }
    found
}

fn of_pod(findings: &mut Findings, cluster: &Cluster, object: &Object) {
    let space = object.namespace();
    let pod = object.pod().unwrap_or(&Value::Null);
    let account = text(pod, "/serviceAccountName");
    if !account.is_empty() && !cluster.objects.iter().any(|o| o.is("ServiceAccount", account, space)) {
        findings.add(format!("{}: service account {account} does not exist", object.shown()));
    }
    let priority = text(pod, "/priorityClassName");
    let is_builtin = priority.starts_with("system-");
    if !priority.is_empty()
        && !is_builtin
        && !cluster.objects.iter().any(|o| o.is("PriorityClass", priority, ""))
    {
        findings.add(format!("{}: priority class {priority} does not exist", object.shown()));
    }
    let mut need = |kind: &str, reference: &Value, name: &str| {
        let (name, key) = (text(reference, name), text(reference, "/key"));
        let is_made = kind == "Secret" && MADE.iter().any(|(prefix, _)| name.starts_with(prefix));
        if is_made || reference.get("optional") == Some(&Value::Bool(true)) {
            return;
        }
        match keys(cluster, kind, name, space) {
            None => findings.add(format!("{}: {kind} {name} is defined nowhere", object.shown())),
            Some(keys) if !key.is_empty() && !keys.contains(key) => {
                findings.add(format!("{}: {kind} {name} has no key {key}", object.shown()));
            }
            Some(_) => {}
        }
    };
    for volume in list(pod, "/volumes") {
        volume.get("secret").inspect(|secret| need("Secret", secret, "/secretName"));
        volume.get("configMap").inspect(|map| need("ConfigMap", map, "/name"));
        for source in list(volume, "/projected/sources") {
            source.get("secret").inspect(|secret| need("Secret", secret, "/name"));
            source.get("configMap").inspect(|map| need("ConfigMap", map, "/name"));
        }
    }
    for (_, container) in object.containers() {
        for (_, entry) in variables(container) {
            entry.pointer("/valueFrom/secretKeyRef").inspect(|secret| need("Secret", secret, "/name"));
            entry.pointer("/valueFrom/configMapKeyRef").inspect(|map| need("ConfigMap", map, "/name"));
        }
        for source in list(container, "/envFrom") {
            source.get("secretRef").inspect(|secret| need("Secret", secret, "/name"));
            source.get("configMapRef").inspect(|map| need("ConfigMap", map, "/name"));
        }
    }
    let claims = list(&object.value, "/spec/volumeClaimTemplates");
    for (_, container) in object.containers() {
        for mount in list(container, "/volumeMounts") {
            let name = text(mount, "/name");
            let is_there = list(pod, "/volumes").iter().any(|v| text(v, "/name") == name)
                || claims.iter().any(|c| text(c, "/metadata/name") == name);
            if !is_there {
                findings.add(format!("{}: volume {name} does not exist", object.shown()));
            }
        }
        for (name, entry) in variables(container).filter(|(name, _)| name.ends_with("_FILE")) {
            file(findings, cluster, object, container, name, text(entry, "/value"));
        }
    }
}

/// A variable that names a file leads into a mounted Secret or ConfigMap that has it.
fn file(
    findings: &mut Findings,
    cluster: &Cluster,
    object: &Object,
    container: &Value,
    name: &str,
    path: &str,
) {
    let (folder, key) = path.rsplit_once('/').unwrap_or(("", path));
    let mount = list(container, "/volumeMounts").iter().find(|m| text(m, "/mountPath") == folder);
    let volume = mount.and_then(|mount| {
        let volumes = list(object.pod().unwrap_or(&Value::Null), "/volumes");
        volumes.iter().find(|v| text(v, "/name") == text(mount, "/name"))
    });
    let found = volume.and_then(|volume| {
        match (text(volume, "/secret/secretName"), text(volume, "/configMap/name")) {
            ("", "") => None,
            ("", map) => keys(cluster, "ConfigMap", map, object.namespace()),
            (secret, _) => keys(cluster, "Secret", secret, object.namespace()),
        }
    });
    if !found.is_some_and(|keys| keys.contains(key)) {
        findings.add(format!("{}: {name} names {path}, which no volume brings", object.shown()));
    }
}

fn of_object(findings: &mut Findings, cluster: &Cluster, object: &Object) {
    let space = object.namespace();
    let exists =
        |kind: &str, name: &str, space: &str| cluster.objects.iter().any(|o| o.is(kind, name, space));
    match object.kind() {
        "HorizontalPodAutoscaler" => {
            let (kind, name) =
                (object.text("/spec/scaleTargetRef/kind"), object.text("/spec/scaleTargetRef/name"));
            if !exists(kind, name, space) {
                findings.add(format!("{}: {kind} {name} does not exist", object.shown()));
            }
        }
        "Service" if object.value.pointer("/spec/selector").is_some() => {
            let selector = serde_json::json!({ "matchLabels": object.value.pointer("/spec/selector") });
            let pods = cluster.objects.iter().filter(|o| {
                let labels = o.template().and_then(|t| t.pointer("/metadata/labels"));
                o.namespace() == space && labels.is_some_and(|labels| selects(&selector, labels))
            });
            let named: BTreeSet<&str> = pods
                .flat_map(|o| o.containers())
                .flat_map(|(_, c)| list(c, "/ports").iter().map(|p| text(p, "/name")))
                .collect();
            // An operator makes pods that are not here.
            let ours = !named.is_empty();
            for port in list(&object.value, "/spec/ports") {
                let target = text(port, "/targetPort");
                if ours && !target.is_empty() && !named.contains(target) {
                    findings.add(format!("{}: no container has a port {target}", object.shown()));
                }
            }
            if !ours && (space == "quarterdeck" || space == "data") {
                findings.add(format!("{}: selects no pods", object.shown()));
            }
        }
        "HTTPRoute" => {
            for parent in list(&object.value, "/spec/parentRefs") {
                let gateway = cluster
                    .objects
                    .iter()
                    .find(|o| o.is("Gateway", text(parent, "/name"), text(parent, "/namespace")));
                let section = text(parent, "/sectionName");
                let heard = gateway.is_some_and(|g| {
                    list(&g.value, "/spec/listeners").iter().any(|l| text(l, "/name") == section)
                });
                if !heard {
                    findings.add(format!("{}: no gateway has a listener {section}", object.shown()));
                }
            }
            for backend in
                list(&object.value, "/spec/rules").iter().flat_map(|rule| list(rule, "/backendRefs"))
            {
                let service = cluster.objects.iter().find(|o| o.is("Service", text(backend, "/name"), space));
                let listens = service.is_some_and(|s| {
                    list(&s.value, "/spec/ports").iter().any(|p| p.get("port") == backend.get("port"))
                });
                if !listens {
                    findings.add(format!(
                        "{}: Service {} does not listen there",
                        object.shown(),
                        text(backend, "/name")
                    ));
                }
            }
        }
        "Database" | "Pooler" | "ScheduledBackup" => {
            let name = object.text("/spec/cluster/name");
            if !exists("Cluster", name, space) {
                findings.add(format!("{}: Cluster {name} does not exist", object.shown()));
            }
        }
        "Cluster" => of_database(findings, cluster, object),
        "ExternalSecret" => {
            let store = object.text("/spec/secretStoreRef/name");
            let kind = object.text("/spec/secretStoreRef/kind");
            if !exists(kind, store, if kind == "ClusterSecretStore" { "" } else { space }) {
                findings.add(format!("{}: {kind} {store} does not exist", object.shown()));
            }
        }
        "Canary" => {
            for metric in list(&object.value, "/spec/analysis/metrics") {
                let name = text(metric, "/templateRef/name");
                if !exists("MetricTemplate", name, space) {
                    findings.add(format!("{}: MetricTemplate {name} does not exist", object.shown()));
                }
            }
        }
        "Provider" | "MetricTemplate" => {
            let of = if object.kind() == "Provider" { "/spec" } else { "/spec/provider" };
            let (name, address) =
                (object.text(&format!("{of}/secretRef/name")), object.text(&format!("{of}/address")));
            // What is asked without TLS is in the cluster.
            if address.starts_with("http://") {
                reachable(findings, cluster, object, "address", address);
            }
            if keys(cluster, "Secret", name, space).is_none_or(|keys| !keys.contains("token")) {
                findings.add(format!("{}: Secret {name} with a token is defined nowhere", object.shown()));
            }
        }
        _ => {}
    }
}

/// A role with a password for each database, and the stores that its plugins name.
fn of_database(findings: &mut Findings, cluster: &Cluster, object: &Object) {
    let roles = list(&object.value, "/spec/managed/roles");
    for role in roles {
        let secret = text(role, "/passwordSecret/name");
        let keys = keys(cluster, "Secret", secret, object.namespace()).unwrap_or_default();
        if !["username", "password"].iter().all(|key| keys.contains(*key)) {
            findings.add(format!(
                "{}: role {} has no password: {secret}",
                object.shown(),
                text(role, "/name")
            ));
        }
    }
    let is_here = |o: &&Object| {
        o.kind() == "Database"
            && o.namespace() == object.namespace()
            && o.text("/spec/cluster/name") == object.name()
    };
    for database in cluster.objects.iter().filter(is_here) {
        let owner = database.text("/spec/owner");
        if !roles.iter().any(|role| text(role, "/name") == owner) {
            findings.add(format!("{}: no role is called {owner}", database.shown()));
        }
    }
    let others =
        list(&object.value, "/spec/externalClusters").iter().map(|e| e.get("plugin").unwrap_or(&Value::Null));
    for plugin in list(&object.value, "/spec/plugins").iter().chain(others) {
        let store = text(plugin, "/parameters/barmanObjectName");
        if !cluster.objects.iter().any(|o| o.is("ObjectStore", store, object.namespace())) {
            findings.add(format!("{}: ObjectStore {store} does not exist", object.shown()));
        }
    }
    for unknown in strange_members(&object.value) {
        findings.add(format!(
            "{}: the operator refuses a replica of {unknown}, which is no entry of externalClusters",
            object.shown()
        ));
    }
}

/// Whom `replica` names and `externalClusters` does not have; a Cluster's own name is no exception.
fn strange_members(cluster: &Value) -> BTreeSet<&str> {
    let members: BTreeSet<&str> =
        list(cluster, "/spec/externalClusters").iter().map(|member| text(member, "/name")).collect();
    ["/spec/replica/primary", "/spec/replica/self", "/spec/replica/source"]
        .into_iter()
        .map(|field| text(cluster, field))
        .filter(|name| !name.is_empty() && !members.contains(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_replica_s_members_are_all_external_clusters() {
        let cluster = |members: &[&str]| {
            let members: Vec<Value> = members.iter().map(|name| json!({ "name": name })).collect();
            let replica = json!({ "primary": "one", "self": "two", "source": "one" });
            json!({ "spec": { "replica": replica, "externalClusters": members } })
        };
        assert_eq!(strange_members(&cluster(&["one", "two"])), BTreeSet::new());
        assert_eq!(strange_members(&cluster(&["one"])), BTreeSet::from(["two"]));
        assert_eq!(strange_members(&json!({ "spec": {} })), BTreeSet::new());
    }
}
