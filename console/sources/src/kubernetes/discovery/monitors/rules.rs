//! `relabel_configs` of a monitor's job, in the order that prometheus-operator gives them (pkg/prometheus/promcfg.go).

use serde_json::{Map, Value, json};

use super::spec::{Endpoint, Expression, Relabeling, Spec};
use crate::kubernetes::discovery::labels::sanitised;

const OF_META: &str = "__meta_kubernetes_";

/// What a monitor looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Targets {
    Pods,
    Endpoints,
    EndpointSlices,
}

impl Targets {
    pub fn role(self) -> &'static str {
        match self {
            Self::Pods => "pod",
            Self::Endpoints => "endpoints",
            Self::EndpointSlices => "endpointslice",
        }
    }

    /// The kind of objects whose labels are selected by.
    fn selected(self) -> &'static str {
        if self == Self::Pods { "pod" } else { "service" }
    }

    fn port_name(self) -> &'static str {
        match self {
            Self::Pods => "pod_container_port_name",
            Self::Endpoints => "endpoint_port_name",
            Self::EndpointSlices => "endpointslice_port_name",
        }
    }

    /// Labels of kind and name of what an address is.
    fn address_target(self) -> [String; 2] {
        let of = if self == Self::Endpoints { "endpoint" } else { "endpointslice" };
        ["kind", "name"].map(|part| meta(&format!("{of}_address_target_{part}")))
    }
}

/// `name` is the monitor's, as `namespace/name`.
pub(super) fn rules(
    targets: Targets,
    name: &str,
    spec: &Spec,
    endpoint: &Endpoint,
) -> Result<Vec<Value>, String> {
    let running = endpoint.filter_running.unwrap_or(true);
    let mut rules = vec![copy("job", "__tmp_prometheus_job_name")];
    if running && targets == Targets::Pods {
        rules.push(drop_ended());
    }
    rules.extend(selected(targets.selected(), spec)?);
    let endpoint_name = port(targets, endpoint, &mut rules)?;
    if targets != Targets::Pods {
        for (kind, label) in [("Node", "node"), ("Pod", "pod")] {
            rules.push(json!({
                "source_labels": targets.address_target(), "separator": ";", "regex": format!("{kind};(.*)"),
                "replacement": "${1}", "target_label": label
            }));
        }
    }
    rules.push(copy(&meta("namespace"), "namespace"));
    if targets == Targets::Pods {
        rules.push(copy(&meta("pod_container_name"), "container"));
        rules.push(copy(&meta("pod_name"), "pod"));
    } else {
        rules.push(copy(&meta("service_name"), "service"));
        rules.push(copy(&meta("pod_name"), "pod"));
        rules.push(copy(&meta("pod_container_name"), "container"));
        if running {
            rules.push(drop_ended());
        }
        rules.extend(spec.target_labels.iter().map(|l| copied_label("service", l, &sanitised(l))));
    }
    rules.extend(spec.pod_target_labels.iter().map(|l| copied_label("pod", l, &sanitised(l))));
    rules.push(if targets == Targets::Pods {
        json!({"target_label": "job", "replacement": literal(name)})
    } else {
        json!({"source_labels": [meta("service_name")], "target_label": "job", "replacement": "${1}"})
    });
    if !spec.job_label.is_empty() {
        rules.push(copied_label(targets.selected(), &spec.job_label, "job"));
    }
    if let Some(name) = endpoint_name {
        rules.push(json!({"target_label": "endpoint", "replacement": literal(&name)}));
    }
    rules.extend(endpoint.relabelings.iter().map(relabeling));
    Ok(rules)
}

/// A rule of the monitor's own, in the words of a configuration.
pub(super) fn relabeling(rule: &Relabeling) -> Value {
    let mut out = Map::new();
    let mut set = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    if !rule.source_labels.is_empty() {
        set("source_labels", json!(rule.source_labels));
    }
    for (name, text) in [
        ("target_label", &rule.target_label),
        ("regex", &rule.regex),
        ("action", &rule.action.to_lowercase()),
    ] {
        if !text.is_empty() {
            set(name, json!(text));
        }
    }
    if rule.modulus > 0 {
        set("modulus", json!(rule.modulus));
    }
    for (name, text) in [("separator", &rule.separator), ("replacement", &rule.replacement)] {
        if let Some(text) = text {
            set(name, json!(text));
        }
    }
    Value::Object(out)
}

/// Keeps what the selector selects.
fn selected(kind: &str, spec: &Spec) -> Result<Vec<Value>, String> {
    let equal = |(key, value): (&String, &String)| by_value("keep", kind, key, std::slice::from_ref(value));
    let mut rules: Vec<Value> = spec.selector.match_labels.iter().map(equal).collect();
    for Expression { key, operator, values } in &spec.selector.match_expressions {
        rules.push(match operator.as_str() {
            "In" => by_value("keep", kind, key, values),
            "NotIn" => by_value("drop", kind, key, values),
            "Exists" => by_presence("keep", kind, key),
            "DoesNotExist" => by_presence("drop", kind, key),
            _ => return Err(format!("selector.matchExpressions: there is no operator {operator:?}")),
        });
    }
    Ok(rules)
}

fn by_value(action: &str, kind: &str, key: &str, values: &[String]) -> Value {
    let [label, present] = label_names(kind, key);
    let values: Vec<String> = values.iter().map(|v| pattern(v)).collect();
    json!({"action": action, "source_labels": [label, present], "regex": format!("({});true", values.join("|"))})
}

fn by_presence(action: &str, kind: &str, key: &str) -> Value {
    let [_, present] = label_names(kind, key);
    json!({"action": action, "source_labels": [present], "regex": "true"})
}

/// Keeps the port that the endpoint means; how that is called.
fn port(targets: Targets, endpoint: &Endpoint, rules: &mut Vec<Value>) -> Result<Option<String>, String> {
    let mut keep = |label: &str, value: &str| {
        rules.push(json!({"action": "keep", "source_labels": [meta(label)], "regex": pattern(value)}));
    };
    if !endpoint.port.is_empty() {
        keep(targets.port_name(), &endpoint.port);
        return Ok(Some(endpoint.port.clone()));
    }
    if let Some(number) = endpoint.port_number {
        keep("pod_container_port_number", &number.to_string());
        return Ok(Some(number.to_string()));
    }
    match &endpoint.target_port {
        None => Ok(None),
        Some(Value::String(name)) if name.is_empty() => Ok(None),
        Some(Value::String(name)) => {
            keep("pod_container_port_name", name);
            Ok(Some(name.clone()))
        }
        Some(Value::Number(number)) if number.as_u64().is_some() => {
            keep("pod_container_port_number", &number.to_string());
            Ok(Some(number.to_string()))
        }
        Some(other) => Err(format!("targetPort: {other} is neither a name nor a number")),
    }
}

fn drop_ended() -> Value {
    json!({"action": "drop", "source_labels": [meta("pod_phase")], "regex": "(Failed|Succeeded)"})
}

fn copy(from: &str, to: &str) -> Value {
    json!({"source_labels": [from], "target_label": to})
}

/// A label of an object, where it has it.
fn copied_label(kind: &str, label: &str, to: &str) -> Value {
    let [label, _] = label_names(kind, label);
    json!({"source_labels": [label], "target_label": to, "regex": "(.+)", "replacement": "${1}"})
}

fn label_names(kind: &str, key: &str) -> [String; 2] {
    ["label", "labelpresent"].map(|of| meta(&format!("{kind}_{of}_{}", sanitised(key))))
}

fn meta(name: &str) -> String {
    format!("{OF_META}{name}")
}

/// Names have no other character that a pattern would take for something else.
fn pattern(text: &str) -> String {
    text.replace('.', r"\.")
}

/// A text in which nothing stands for a group.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}
