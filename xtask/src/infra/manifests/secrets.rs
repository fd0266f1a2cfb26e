//! No secret lies in git, and each has one name: that of its file on the local platform, below `quarterdeck/ENVIRONMENT/`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Findings,
    object::{list, text, variables},
    render::rendered,
};
use crate::{
    infra::{Outcome, Tree, folder},
    platform::{layout::SERVICES, postgres::roles::DATABASES, secrets},
};

/// Its table's first column has every name.
const GUIDE: &str = "runbooks/guides/secrets.md";
/// Only the local platform has them: in a cluster the operator of Postgres keeps its own.
const LOCAL_ONLY: [&str; 2] = [secrets::POSTGRES_SUPERUSER, secrets::POSTGRES_REPLICATION];

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let documented: BTreeSet<String> = folder::read(&tree.root.join(GUIDE))?
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    let (mut findings, mut used) = (Findings::new(), BTreeSet::new());
    for (cluster, object) in rendered.clusters.iter().flat_map(|c| c.objects.iter().map(move |o| (c, o))) {
        if object.kind() == "Secret"
            && ["data", "stringData"].iter().any(|field| object.value.get(field).is_some())
        {
            findings.add(format!("{}: a secret in git", object.shown()));
        }
        for (_, container) in object.containers() {
            for (name, entry) in variables(container) {
                if is_secret(name) && !text(entry, "/value").is_empty() {
                    findings.add(format!("{}: {name} stands in git", object.shown()));
                }
            }
        }
        if object.kind() == "ExternalSecret" {
            for entry in list(&object.value, "/spec/data") {
                let key = text(entry, "/remoteRef/key");
                // Nobody there may read another environment's.
                let own = format!("quarterdeck/{}/", cluster.environment);
                match key.strip_prefix(&own) {
                    Some(name) => {
                        used.insert(name.to_owned());
                        if !documented.contains(name) {
                            findings.add(format!("{}: {GUIDE} has no row of {name}", object.shown()));
                        }
                    }
                    None => findings.add(format!(
                        "{}: {key} is no secret of {}, whose are {own}NAME",
                        object.shown(),
                        cluster.name
                    )),
                }
            }
            if let Some(template) =
                object.value.pointer("/spec/target/template/data").and_then(Value::as_object)
            {
                for (name, value) in template {
                    let value = value.as_str().unwrap_or_default();
                    if is_secret(name) && !value.contains("{{ .") {
                        findings.add(format!("{}: {name} stands in git", object.shown()));
                    }
                }
            }
        }
    }
    for name in documented.difference(&used) {
        findings.add(format!("{GUIDE}: nothing in gitops/ reads {name}"));
    }
    for name in local().iter().filter(|name| !documented.contains(*name)) {
        findings.add(format!("{GUIDE}: no row of {name}, which the local platform has"));
    }
    findings.outcome(format!("{} names", documented.len()))
}

/// Names of variables whose value nobody may read.
fn is_secret(name: &str) -> bool {
    let is_address = matches!(name, "DATABASE_URL" | "REDIS_URL" | "REDIS_CACHE_URL" | "SMTP_URL");
    let words = ["PASSWORD", "TOKEN", "SECRET", "_KEY"];
    is_address || words.iter().any(|word| name.to_uppercase().ends_with(word))
}

/// What `make up` makes.
fn local() -> BTreeSet<String> {
    let fixed = secrets::NAMES.into_iter().filter(|name| !LOCAL_ONLY.contains(name)).map(str::to_owned);
    let passwords = DATABASES.map(secrets::database_password);
    let keys =
        SERVICES.into_iter().filter(|service| CALLS.contains(service)).map(|s| format!("service-auth/{s}"));
    fixed.chain(passwords).chain(keys).collect()
}

/// Services that sign: the others have a key on the local platform, and never use it.
const CALLS: [&str; 3] = ["storefront", "identity", "orders"];

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn names_tell_secrets_from_files_and_addresses() {
        for name in ["FAULTS_TOKEN", "DATABASE_URL", "password", "COOKIE_KEY"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["COOKIE_KEY_FILE", "LOKI_URL", "ORDERS_URLS"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
