//! Kubernetes' objects as JSON, and the pods that they make.

use serde_json::Value;

/// One object, as it would be applied.
#[derive(Clone, Debug)]
pub struct Object {
    /// The folder that it was rendered from, below the root.
    pub path: String,
    pub value: Value,
}

/// What one of several containers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Main,
    Init,
}

impl Object {
    pub fn text(&self, pointer: &str) -> &str {
        text(&self.value, pointer)
    }

    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// `apps/staging: Deployment orders`.
    pub fn shown(&self) -> String {
        let path = self.path.trim_start_matches("gitops/");
        format!("{path}: {} {}", self.kind(), self.name())
    }

    pub fn is(&self, kind: &str, name: &str, namespace: &str) -> bool {
        self.kind() == kind && self.name() == name && self.namespace() == namespace
    }

    /// The pods' template of a workload that Kubernetes itself runs.
    pub fn template(&self) -> Option<&Value> {
        match self.kind() {
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => self.value.pointer("/spec/template"),
            "CronJob" => self.value.pointer("/spec/jobTemplate/spec/template"),
            _ => None,
        }
    }

    pub fn pod(&self) -> Option<&Value> {
        self.template()?.get("spec")
    }

    pub fn containers(&self) -> Vec<(Role, &Value)> {
        let Some(pod) = self.pod() else { return Vec::new() };
        let main = list(pod, "/containers").iter().map(|c| (Role::Main, c));
        main.chain(list(pod, "/initContainers").iter().map(|c| (Role::Init, c))).collect()
    }

    /// Whether it is a service of the shop.
    pub fn service(&self) -> Option<&str> {
        let labels = self.template()?.pointer("/metadata/labels")?;
        let is_shop = labels.get("app.kubernetes.io/part-of")? == "quarterdeck-shop";
        is_shop.then(|| self.name())
    }
}

pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether labels have all that a selector's `matchLabels` wants; an empty selector selects everything.
pub fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.get("matchLabels").and_then(Value::as_object);
    let by_labels =
        wanted.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)));
    by_labels
        && list(selector, "/matchExpressions").iter().all(|expression| {
            let value = labels.get(text(expression, "/key"));
            let among = value.is_some_and(|value| list(expression, "/values").contains(value));
            match text(expression, "/operator") {
                "In" => among,
                "NotIn" => !among,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

/// What an environment variable of a container is set to.
pub fn variables(container: &Value) -> impl Iterator<Item = (&str, &Value)> {
    list(container, "/env").iter().map(|entry| (text(entry, "/name"), entry))
}
