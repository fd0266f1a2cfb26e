//! The console's configuration in each cluster is one that the console itself takes, and of the console and Alertmanager one tells
//! people.

use std::path::Path;

use serde_json::Value;

use super::{
    Findings,
    environment::built,
    object::{Object, text},
    render::{Cluster, rendered},
};
use crate::infra::{Outcome, Tree, folder, program};

const KINDS: [&str; 2] = ["StatefulSet", "Deployment"];
const MOUNTED: &str = "/etc/quarterdeck";
const SHARED: &str = "/usr/share/quarterdeck";
const SITE: &str = r#"{"app.css":"a","boot.js":"b","console.js":"c","console_bg.wasm":"w","charts.js":"d"}"#;

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let (mut findings, mut count) = (Findings::new(), 0);
    for cluster in &rendered.clusters {
        if of(cluster).is_none() {
            continue;
        }
        let secret =
            cluster.objects.iter().find(|o| o.is("ExternalSecret", "console-configuration", "quarterdeck"));
        let data =
            secret.and_then(|s| s.value.pointer("/spec/target/template/data")).and_then(Value::as_object);
        let Some(data) = data else {
            findings.add(format!("{}: the console has no configuration", cluster.name));
            continue;
        };
        count += 1;
        let place = tempfile::tempdir().map_err(|e| e.to_string())?;
        if let Err(message) = is_taken(&tree.root, place.path(), data) {
            findings.add(format!("{}: {message}", cluster.name));
        }
        ports(&mut findings, cluster, data);
        tells(&mut findings, cluster, data);
    }
    findings.outcome(format!("{count} configurations"))
}

/// The console itself: one with a volume, or several without.
fn of(cluster: &Cluster) -> Option<&Object> {
    let is_console = |o: &&Object| KINDS.iter().any(|kind| o.is(kind, "console", "quarterdeck"));
    cluster.objects.iter().find(is_console)
}

/// The Secret's files as the pod sees them, below `place`, and the program's own opinion of them.
fn is_taken(root: &Path, place: &Path, data: &serde_json::Map<String, Value>) -> Result<(), String> {
    for folder in ["etc", "data", "site"] {
        folder::make(&place.join(folder))?;
    }
    // The browser client is the image's; here it need not be built.
    folder::write(&place.join("site/manifest.json"), SITE)?;
    let (etc, data_dir) = (place.join("etc"), place.join("data"));
    for (name, value) in data {
        let text = match name.as_str() {
            "slack-webhook-url" => "https://hooks.slack.com/services/example".to_owned(),
            _ => filled(value.as_str().unwrap_or_default()),
        };
        let text = text
            .replace(&format!("{SHARED}/site"), &place.join("site").display().to_string())
            .replace(SHARED, &root.display().to_string())
            .replace(MOUNTED, &etc.display().to_string())
            .replace("/var/lib/quarterdeck", &data_dir.display().to_string());
        folder::write(&etc.join(name), &text)?;
    }
    let mut command = built("quarterdeck")?;
    command.arg("check-config").arg("--config").arg(etc.join("quarterdeck.yml"));
    program::output(&mut command).map(|_| ()).map_err(|e| e.replace(&etc.display().to_string(), MOUNTED))
}

/// `{{ .name }}` is what External Secrets puts there.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{ .") {
        let (name, after) = after.split_once(" }}").unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(&format!("example-of-{name}-that-is-long-enough"));
        rest = after;
    }
    out + rest
}

/// The container's ports are those that the configuration listens on.
fn ports(findings: &mut Findings, cluster: &Cluster, data: &serde_json::Map<String, Value>) {
    let file = data.get("quarterdeck.yml").and_then(Value::as_str).unwrap_or_default();
    let Ok(configuration) = serde_saphyr::from_str::<Value>(&filled(file)) else { return };
    let Some(console) = of(cluster) else { return };
    for (field, name) in
        [("/listen", "http"), ("/health", "health"), ("/otlp_grpc", "otlp-grpc"), ("/otlp_http", "otlp-http")]
    {
        let listens =
            text(&configuration, field).rsplit_once(':').and_then(|(_, port)| port.parse::<u64>().ok());
        let declared = console.containers().into_iter().find_map(|(_, c)| {
            let port = super::object::list(c, "/ports").iter().find(|p| text(p, "/name") == name)?;
            port.get("containerPort").and_then(Value::as_u64)
        });
        if listens.is_none() || listens != declared {
            findings.add(format!(
                "{}: {} listens on {listens:?}, and port {name} is {declared:?}",
                cluster.name,
                &field[1..]
            ));
        }
    }
}

/// The console with its own stores evaluates the rules that Prometheus evaluates, so one of both has a receiver that is nobody.
fn tells(findings: &mut Findings, cluster: &Cluster, data: &serde_json::Map<String, Value>) {
    let parsed = |yaml: Option<&Value>| {
        serde_saphyr::from_str::<Value>(&filled(yaml.and_then(Value::as_str).unwrap_or_default())).ok()
    };
    let routing =
        cluster.objects.iter().find(|o| o.is("ConfigMap", "alertmanager-configuration", "observability"));
    let routing = routing.and_then(|o| parsed(o.value.pointer("/data/alertmanager.yaml")));
    let alertmanager = routing.is_some_and(|routing| text(&routing, "/route/receiver") != "null");
    let console = parsed(data.get("quarterdeck.yml")).is_some_and(|file| file.get("routing_file").is_some());
    match (console, alertmanager) {
        (true, true) => {
            findings.add(format!("{}: console and Alertmanager both tell people of an alert", cluster.name));
        }
        (false, false) => findings.add(format!("{}: nobody tells people of an alert", cluster.name)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_external_secrets_fills_in_is_filled_in() {
        assert_eq!(filled("a: {{ .b }}, c"), "a: example-of-b-that-is-long-enough, c");
    }
}
