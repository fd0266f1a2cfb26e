//! The Alertmanager of the cluster: its configuration as it is once secrets are filled in, and every file and value that it
//! names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    super::{Outcome, Tree, folder, program},
    document, generated, list, text, verdict,
};

const MOUNTED: &str = "/etc/alertmanager/secrets/";

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
    verdict(&wrong, format!("{} values and files", keys(&values).len() + keys(&files).len()))
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
