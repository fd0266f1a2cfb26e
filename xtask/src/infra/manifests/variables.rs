//! Flux's variables: `${name}` in what was rendered, set by a Kustomization and by what Terraform knows of the cluster.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::Value;

use super::{Findings, render::rendered};
use crate::infra::{Outcome, Tree, folder};

/// What Terraform writes into every cluster, with examples for values.
const FACTS: &str = "gitops/cluster-facts.example.yaml";
/// Where Terraform writes it.
const WRITTEN: &str = "terraform/modules/flux/main.tf";

pub fn facts(root: &Path) -> Result<BTreeMap<String, String>, String> {
    let value: Value =
        serde_saphyr::from_str(&folder::read(&root.join(FACTS))?).map_err(|e| format!("{FACTS}: {e}"))?;
    let data =
        value.pointer("/data").and_then(Value::as_object).ok_or_else(|| format!("{FACTS}: no data"))?;
    Ok(data
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect())
}

/// The text with every variable that is set in its place, and those that are not.
pub fn substitute(text: &str, variables: &BTreeMap<String, String>) -> (String, BTreeSet<String>) {
    let (mut out, mut unset) = (String::with_capacity(text.len()), BTreeSet::new());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        // `$${name}` is how `${name}` is written.
        if let Some(kept) = before.strip_suffix('$') {
            out.push_str(kept);
            out.push_str("${");
            rest = &from[2..];
            continue;
        }
        out.push_str(before);
        let name = from[2..].split_once('}').map(|(name, _)| name);
        match name.filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')) {
            Some(name) => {
                match variables.get(name) {
                    Some(value) => out.push_str(value),
                    None => {
                        unset.insert(name.to_owned());
                    }
                }
                rest = &from[2 + name.len() + 1..];
            }
            None => {
                unset.insert(from.chars().skip(2).take(20).collect());
                rest = &from[2..];
            }
        }
    }
    out.push_str(rest);
    (out, unset)
}

/// Every variable is set, and every fact is used.
pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let mut findings = Findings::new();
    for unset in &rendered.unset {
        findings.add(format!("{unset} is set by nothing: {FACTS} does not have it"));
    }
    let facts = facts(&tree.root)?;
    let mut written = String::new();
    for file in folder::files(&tree.root.join("gitops"), ".yaml")? {
        if !file.ends_with("cluster-facts.example.yaml") {
            written.push_str(&folder::read(&file)?);
        }
    }
    for name in facts.keys().filter(|name| !written.contains(&format!("${{{name}}}"))) {
        findings.add(format!("{FACTS}: nothing reads {name}"));
    }
    // Bootstrap applies these before any Kustomization sets a variable.
    for file in folder::files(&tree.root.join("gitops/clusters"), ".yaml")? {
        for name in substitute(&folder::read(&file)?, &facts).1 {
            let shown = file.strip_prefix(&tree.root).unwrap_or(&file).display();
            findings.add(format!("{shown}: {name} is no fact, and for the first time nothing else sets it"));
        }
    }
    let written = terraform(&folder::read(&tree.root.join(WRITTEN))?);
    let facts: BTreeSet<String> = facts.into_keys().collect();
    for name in facts.difference(&written) {
        findings.add(format!("{WRITTEN} does not write {name}"));
    }
    for name in written.difference(&facts) {
        findings.add(format!("{FACTS} does not have {name}, which {WRITTEN} writes"));
    }
    findings.outcome(format!("{} facts of a cluster", facts.len()))
}

/// The names in the block `facts = { … }`.
fn terraform(text: &str) -> BTreeSet<String> {
    let block = text.split_once("facts = {").map_or("", |(_, rest)| rest);
    let lines = block.lines().skip(1).take_while(|line| line.trim() != "}");
    lines.filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_stands_in_its_place_and_what_is_not_is_named() {
        let variables = BTreeMap::from([("region".to_owned(), "eu-central-1".to_owned())]);
        let (text, unset) = substitute("a: ${region}/${other} $HOME $${kept}", &variables);
        assert_eq!(text, "a: eu-central-1/ $HOME ${kept}");
        assert_eq!(unset, BTreeSet::from(["other".to_owned()]));
    }

    #[test]
    fn the_names_that_terraform_writes_are_those_of_its_block() {
        let text = "locals {\n  facts = {\n    a = var.a\n    b  = \"x=${var.b}\"\n  }\n  c = 1\n}\n";
        assert_eq!(terraform(text), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    }
}
