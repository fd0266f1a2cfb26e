//! The console's rule and routing files as objects of the cluster: the same text, so that nothing is said twice.
//!
//! A rule file becomes a PrometheusRule around it, comments included. The routing file becomes a ConfigMap, in which only
//! what differs from place to place is replaced ([`LINKS`], [`SETTINGS`]); External Secrets fills it in.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use super::{
    super::{Outcome, Tree, folder},
    at, verdict,
};

const RULES: &str = "prometheus/rules";
/// In the folder of rules, and kept by hand.
const OWN: &str = "cluster.yaml";
const ROUTING: &str = "alertmanager/configuration.yaml";
const BY: &str = "# Written by `xtask infra --docs` from";

/// Lines of the routing file and what stands for them in the cluster. Each has to be there once.
type Settings = [(&'static str, &'static str)];

/// A message leads to the console's page of its alert, or of all where it tells several: Alertmanager's own page is nobody's.
const LINKS: &Settings = &[(
    "channel: '#on-call'\n",
    "channel: '#on-call'\n        title_link: '{{ .ExternalURL }}/alerts{{ if eq (len .Alerts) 1 }}/{{ (index .Alerts \
     0).Fingerprint }}{{ end }}'\n",
)];
/// What External Secrets and Flux fill in.
const SETTINGS: &Settings = &[
    // `null` where the console tells people.
    ("route:\n  receiver: on-call\n", "route:\n  receiver: '${on_call_receiver}'\n"),
    (
        "slack_api_url_file: slack-webhook-url\n",
        "slack_api_url_file: /etc/alertmanager/secrets/alertmanager-receivers/slack-webhook-url\n",
    ),
    ("smtp_smarthost: 'smtp.invalid:587'\n", "smtp_smarthost: '{{ .smtp_smarthost }}'\n"),
    (
        "smtp_from: 'Quarterdeck <alerts@quarterdeck.invalid>'\n",
        "smtp_from: '${mail_from}'\n  smtp_auth_username: '{{ .smtp_username }}'\n  \
         smtp_auth_password_file: /etc/alertmanager/secrets/alertmanager-receivers/smtp-password\n",
    ),
    ("to: 'on-call@quarterdeck.invalid'\n", "to: '{{ .on_call_address }}'\n"),
];
/// How a template of External Secrets says two braces that are none of its own.
const BRACES: &str = "{{ \"{{\" }}";

/// Every generated file: its path in this part, and its text.
fn files(tree: &Tree) -> Result<BTreeMap<String, String>, String> {
    let mut files = BTreeMap::new();
    let mut names = vec![OWN.to_owned()];
    for source in folder::files(&tree.root.join("alerting/rules"), ".yml")? {
        // Tests of rules lie in a folder below.
        if source.parent() != Some(tree.root.join("alerting/rules").as_path()) {
            continue;
        }
        let name = stem(&source);
        files.insert(format!("{RULES}/{name}.yaml"), rules(&name, &folder::read(&source)?));
        names.push(format!("{name}.yaml"));
    }
    names.sort();
    let mut kustomization = format!(
        "{BY} alerting/rules.\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
    );
    for name in &names {
        let _ = writeln!(kustomization, "  - {name}");
    }
    files.insert(format!("{RULES}/kustomization.yaml"), kustomization);
    let routing = folder::read(&tree.root.join("alerting/routing/alertmanager.yml"))?;
    files.insert(ROUTING.to_owned(), configuration(&routing)?);
    Ok(files)
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

fn rules(name: &str, text: &str) -> String {
    format!(
        "{BY} alerting/rules/{name}.yml.\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: \
         quarterdeck-{name}\nspec:\n{}",
        indented(text, 2)
    )
}

fn with(settings: &Settings, mut text: String) -> Result<String, String> {
    for (local, cluster) in settings {
        match text.matches(local).count() {
            1 => text = text.replace(local, cluster),
            times => {
                return Err(format!(
                    "alerting/routing/alertmanager.yml has {local:?} {times} times, and should once: it is what differs \
                     in the cluster"
                ));
            }
        }
    }
    Ok(text)
}

fn configuration(text: &str) -> Result<String, String> {
    let text = with(SETTINGS, with(LINKS, text.to_owned())?.replace("{{", BRACES))?;
    Ok(format!(
        "{BY} alerting/routing/alertmanager.yml.\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: \
         alertmanager-configuration\ndata:\n  alertmanager.yaml: |\n{}",
        indented(&text, 4)
    ))
}

/// What Alertmanager reads once External Secrets has filled the template in, with examples of what is secret.
pub fn filled(template: &str) -> String {
    let mut text = template.replace(BRACES, "{\u{0}{");
    // Flux's, before External Secrets sees it.
    text = text.replace("${mail_from}", "alerts@example.com").replace("${on_call_receiver}", "on-call");
    for (name, example) in [
        ("smtp_smarthost", "smtp.example.com:587"),
        ("smtp_username", "alerts"),
        ("on_call_address", "on-call@example.com"),
    ] {
        text = text.replace(&format!("{{{{ .{name} }}}}"), example);
    }
    text.replace("{\u{0}{", "{{")
}

fn indented(text: &str, by: usize) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if line.is_empty() {
            out.push('\n');
        } else {
            let _ = writeln!(out, "{:by$}{line}", "");
        }
    }
    out
}

pub fn write(tree: &Tree) -> Result<(), String> {
    let files = files(tree)?;
    for path in strangers(tree, &files)? {
        std::fs::remove_file(at(tree, &path)).map_err(|e| format!("{path}: {e}"))?;
        println!("removed {path}");
    }
    for (path, text) in &files {
        let path_at = at(tree, path);
        if folder::read(&path_at).is_ok_and(|is| is == *text) {
            continue;
        }
        folder::write(&path_at, text)?;
        println!("wrote {path}");
    }
    Ok(())
}

/// What lies among the rules and has no source.
fn strangers(tree: &Tree, files: &BTreeMap<String, String>) -> Result<Vec<String>, String> {
    let found = folder::files(&at(tree, RULES), "")?;
    let paths =
        found.iter().filter_map(|path| Some(format!("{RULES}/{}", path.file_name()?.to_string_lossy())));
    Ok(paths.filter(|path| !files.contains_key(path) && !path.ends_with(OWN)).collect())
}

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let files = files(tree)?;
    let mut wrong: Vec<String> = strangers(tree, &files)?
        .into_iter()
        .map(|path| format!("{path}: alerting/rules has no such file"))
        .collect();
    for (path, text) in &files {
        match folder::read(&at(tree, path)) {
            Err(e) => wrong.push(format!("{e}: `xtask infra --docs` writes it")),
            Ok(is) if is != *text => {
                let line = is.lines().zip(text.lines()).position(|(a, b)| a != b);
                let line = line.unwrap_or_else(|| is.lines().count().min(text.lines().count()));
                wrong.push(format!(
                    "{path}, line {}: is not what `xtask infra --docs` writes:\n{}\n{}",
                    line + 1,
                    is.lines().nth(line).unwrap_or_default(),
                    text.lines().nth(line).unwrap_or_default()
                ));
            }
            Ok(_) => {}
        }
    }
    verdict(&wrong, format!("{} files", files.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_file_is_kept_word_for_word() {
        let text = "# why\ngroups:\n  - name: a\n\n    rules: []\n";
        let object = rules("a", text);
        assert!(
            object.ends_with("spec:\n  # why\n  groups:\n    - name: a\n\n      rules: []\n"),
            "{object}"
        );
    }

    #[test]
    fn only_what_differs_in_the_cluster_is_replaced() {
        let lines: Vec<&str> = LINKS.iter().chain(SETTINGS).flat_map(|(local, _)| ["  ", *local]).collect();
        let text = lines.concat() + "  text: '{{ .Alerts }}'\n";
        let object = configuration(&text).unwrap();
        let filled = filled(&object);
        assert!(filled.contains("smtp_smarthost: 'smtp.example.com:587'"), "{filled}");
        assert!(
            filled.contains("text: '{{ .Alerts }}'"),
            "a template of Alertmanager's own survives: {filled}"
        );
        assert!(!object.contains("'{{ .Alerts }}'"), "{object}");
    }

    #[test]
    fn a_setting_that_is_gone_is_told() {
        let error = configuration("global: {}\n").unwrap_err();
        assert!(error.contains("channel"), "{error}");
    }
}
