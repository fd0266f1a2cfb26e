//! What must stand alike in two places: environments among each other, names of the two regions, and secrets that Terraform makes
//! with those that `gitops/` reads.

use std::{collections::BTreeSet, path::Path};

use super::{
    super::{Outcome, Tree, folder},
    hcl,
};

/// What an environment has of its own.
const OWN: [&str; 2] = ["terraform.tfvars", "backend.hcl"];
/// Secrets that no running program holds. Nothing starts a program anew for a new value, so the value of any other is
/// refused from its rotation until its reader happens to start anew.
const MAY_ROTATE: [&str; 1] = ["shop-staff-password"];

/// Environments differ in the values of variables, and in where their state lies. Those of two regions know each other's names.
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
    for name in &names {
        let values = |of: &str| folder::read(&dir.join(of).join("terraform.tfvars"));
        let own = values(name)?;
        let Some(peer) =
            own.lines().find_map(|line| hcl::strings(line.strip_prefix("peer ")?).first().copied())
        else {
            continue;
        };
        if hosts(&own, "peer_hosts") != hosts(&values(peer)?, "hosts") {
            return Err(format!(
                "peer_hosts of {name} are not the hosts of {peer}: it could not take them over, since its certificates \
                 do not have them"
            ));
        }
    }
    Ok(Outcome::Passed(format!("{}: {} files each", names.join(", "), all.len())))
}

/// The lines of `NAME = { … }` without their spaces.
fn hosts(values: &str, name: &str) -> Option<BTreeSet<String>> {
    let (_, block) = values.split_once(&format!("\n{name} = {{\n"))?;
    let lines = block.split("\n}").next().unwrap_or_default().lines();
    Some(lines.map(|line| line.split_whitespace().collect()).collect())
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
    let rotating = made(&code, "rotate_days = ")?;
    if let Some(name) = rotating.iter().find(|name| !MAY_ROTATE.contains(&name.as_str())) {
        return Err(format!("{name} rotates by itself, and a running program holds it"));
    }
    same(&asked, &made(&code, "")?, "secrets of gitops/", "secrets of terraform/environments")
}

/// Names of `secrets.tf` in whose lines `with` stands: keys of its maps, and of its loops over services.
fn made(code: &str, with: &str) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    let lines = code.lines().map(str::trim).filter(|line| line.contains("made = \""));
    for line in lines.filter(|line| line.contains(with)) {
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
