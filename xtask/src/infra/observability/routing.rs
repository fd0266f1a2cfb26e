//! The Alertmanager of the cluster: its configuration as it is once secrets are filled in, every file and value that it names,
//! and where its messages lead.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    super::{Outcome, Tree, folder, program},
    document, generated, list, text, verdict, yaml,
};

const MOUNTED: &str = "/etc/alertmanager/secrets/";
/// What Prometheus and Alertmanager call themselves in messages, before and after Flux.
const CONSOLE: &str = "https://${console_host}";
const CONSOLE_FILLED: &str = "https://console.example.com";

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let configuration = document(tree, "alertmanager/configuration.yaml")?;
    let template = text(&configuration["data"]["alertmanager.yaml"]);
    let filled = generated::filled(template);
    let file = tempfile::Builder::new().suffix(".yml").tempfile().map_err(|e| e.to_string())?;
    folder::write(file.path(), &filled)?;
    program::output(program::command("amtool")?.arg("check-config").arg(file.path()))?;

    let mut wrong = Vec::new();
    let values = document(tree, "alertmanager/external-secret.yaml")?;
    let files = document(tree, "alertmanager/receivers.yaml")?;
    let alertmanager = document(tree, "alertmanager/alertmanager.yaml")?;
    compare("value of the configuration", &placeholders(template), &keys(&values), &mut wrong);
    let secret = text(&files["spec"]["target"]["name"]);
    compare("file of the configuration", &mounted(&filled, secret), &keys(&files), &mut wrong);
    if !list(&alertmanager["spec"]["secrets"]).iter().any(|name| text(name) == secret) {
        wrong.push(format!("alertmanager.yaml does not mount the secret {secret:?}"));
    }
    if alertmanager["spec"]["configSecret"] != values["spec"]["target"]["name"] {
        wrong
            .push("alertmanager.yaml reads another configuration than external-secret.yaml makes".to_owned());
    }
    let named = &values["spec"]["target"]["template"]["templateFrom"][0]["configMap"]["name"];
    if *named != configuration["metadata"]["name"] {
        wrong.push("external-secret.yaml fills in another template than configuration.yaml".to_owned());
    }
    for (file, is) in [
        ("alertmanager/alertmanager.yaml", &alertmanager),
        ("prometheus/prometheus.yaml", &document(tree, "prometheus/prometheus.yaml")?),
    ] {
        if is["spec"]["externalUrl"] != CONSOLE {
            wrong.push(format!(
                "{file}: messages lead to {}, and not to the console",
                is["spec"]["externalUrl"]
            ));
        }
    }
    let on_call = &yaml(&filled)?["receivers"][0]["slack_configs"][0];
    for (alerts, page) in [(1, "/alerts/0123456789abcdef"), (2, "/alerts")] {
        let link = rendered(text(&on_call["title_link"]), alerts)?;
        if link != format!("{CONSOLE_FILLED}{page}") {
            wrong.push(format!(
                "a message of {alerts} alerts leads to {link:?}, and not to the console's {page}"
            ));
        }
    }
    verdict(&wrong, format!("{} values and files", keys(&values).len() + keys(&files).len()))
}

/// What Alertmanager makes of a template for a message of so many alerts.
fn rendered(template: &str, alerts: usize) -> Result<String, String> {
    let place = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (data, none) = (place.path().join("data.json"), place.path().join("none.tmpl"));
    let alert = json!({ "status": "firing", "labels": {}, "fingerprint": "0123456789abcdef" });
    let message = json!({ "externalURL": CONSOLE_FILLED, "alerts": vec![alert; alerts] });
    folder::write(&data, &message.to_string())?;
    // It wants a file of templates, and for this none is needed.
    folder::write(&none, "")?;
    let mut amtool = program::command("amtool")?;
    amtool.args(["template", "render"]).arg(format!("--template.glob={}", none.display()));
    amtool.arg(format!("--template.data={}", data.display())).arg(format!("--template.text={template}"));
    Ok(program::output(&mut amtool)?.trim().to_owned())
}

/// `{{ .name }}` in the template.
fn placeholders(template: &str) -> BTreeSet<String> {
    let after = template.split("{{ .").skip(1);
    after.filter_map(|rest| Some(rest.split_once(" }}")?.0.to_owned())).collect()
}

/// Files of the mounted secret that the configuration names.
fn mounted(configuration: &str, secret: &str) -> BTreeSet<String> {
    let folder = format!("{MOUNTED}{secret}/");
    let after = configuration.split(folder.as_str()).skip(1);
    after.filter_map(|rest| rest.split_whitespace().next()).map(str::to_owned).collect()
}

fn keys(external_secret: &Value) -> BTreeSet<String> {
    list(&external_secret["spec"]["data"]).iter().map(|entry| text(&entry["secretKey"]).to_owned()).collect()
}

fn compare(what: &str, named: &BTreeSet<String>, there: &BTreeSet<String>, wrong: &mut Vec<String>) {
    for name in named.difference(there) {
        wrong.push(format!("{what} that no ExternalSecret has: {name}"));
    }
    for name in there.difference(named) {
        wrong.push(format!("an ExternalSecret has {name}, which is no {what}"));
    }
}
