//! What must stand alike in two places: environments among each other, and secrets that Terraform makes with those that
//! `gitops/` reads.

use std::{collections::BTreeSet, path::Path};

use super::{
    super::{Outcome, Tree, folder},
    hcl,
};

/// What an environment has of its own.
const OWN: [&str; 2] = ["terraform.tfvars", "backend.hcl"];

/// Environments differ in the values of variables, and in where their state lies.
pub fn of_environments(tree: &Tree) -> Result<Outcome, String> {
    let dir = tree.root.join("terraform/environments");
    let names = folder::folders(&dir)?;
    let first = names.first().ok_or("terraform/environments is empty")?;
    let all = code(&dir.join(first))?;
    for name in &names[1..] {
        let other = code(&dir.join(name))?;
        if let Some((file, _)) = all.symmetric_difference(&other).next() {
            return Err(format!(
                "{file} of {name} is not that of {first}: environments differ only in {}",
                OWN.join(" and ")
            ));
        }
    }
    Ok(Outcome::Passed(format!("{}: {} files each", names.join(", "), all.len())))
}

/// Files with their text, but for an environment's own.
fn code(dir: &Path) -> Result<BTreeSet<(String, String)>, String> {
    let mut all = BTreeSet::new();
    for file in folder::files(dir, "")? {
        let name = file.strip_prefix(dir).unwrap_or(&file).display().to_string();
        if !OWN.contains(&name.as_str()) {
            all.insert((name, folder::read(&file)?));
        }
    }
    Ok(all)
}

/// The secrets that External Secrets reads are those that Terraform makes or keeps a place for.
pub fn of_secrets(tree: &Tree) -> Result<Outcome, String> {
    const KEY: &str = "key: quarterdeck/${environment}/";
    let mut asked = BTreeSet::new();
    for file in folder::files(&tree.root.join("gitops"), ".yaml")? {
        for line in folder::read(&file)?.lines() {
            if let Some(name) = line.trim().trim_start_matches("- ").strip_prefix(KEY) {
                asked.insert(name.trim().to_owned());
            }
        }
    }
    // Read by bootstrap.sh.
    asked.insert("github-token".to_owned());
    let code = folder::read(&tree.root.join("terraform/environments/production/secrets.tf"))?;
    same(&asked, &made(&code)?, "secrets of gitops/", "secrets of terraform/environments")
}

/// Names of `secrets.tf`: keys of its maps, and of its loops over services.
fn made(code: &str) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    for line in code.lines().map(str::trim).filter(|line| line.contains("made = \"")) {
        let Some(looped) = line.strip_prefix("{ for ") else {
            let key = line.split(['=', ' ']).next().unwrap_or_default();
            names.insert(key.trim_matches('"').to_owned());
            continue;
        };
        let (over, template) = looped.split_once(" : ").ok_or_else(|| format!("secrets.tf: {line}"))?;
        let list = match over.split_once('[') {
            Some((_, list)) => list,
            None => code.split_once("databases = [").ok_or("secrets.tf has no `databases`")?.1,
        };
        let list = list.split(']').next().unwrap_or_default();
        let prefix = hcl::strings(template).first().and_then(|t| t.split("${").next()).unwrap_or_default();
        names.extend(hcl::strings(list).iter().map(|name| format!("{prefix}{name}")));
    }
    Ok(names)
}

fn same(left: &BTreeSet<String>, right: &BTreeSet<String>, of: &str, and: &str) -> Result<Outcome, String> {
    let (lacks, more): (Vec<_>, Vec<_>) =
        (left.difference(right).collect(), right.difference(left).collect());
    if lacks.is_empty() && more.is_empty() {
        return Ok(Outcome::Passed(format!("{} {of}", left.len())));
    }
    Err(format!("only among the {of}: {lacks:?}; only among the {and}: {more:?}"))
}
