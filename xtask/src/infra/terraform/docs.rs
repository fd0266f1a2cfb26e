//! The README of each module, made from its code: what it is (the comment at `main.tf`'s top), variables, outputs, what it
//! makes, and what its tests hold.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use super::{
    super::{Outcome, Tree, folder},
    configurations, hcl, rotation,
};

const WRITTEN: &str = "<!-- Written by `xtask infra --docs` from the code. -->";

/// Modules and the state; an environment is described by its variables' values.
fn described(tree: &Tree) -> Result<Vec<String>, String> {
    let all = configurations(tree)?;
    Ok(all.into_iter().filter(|name| !name.starts_with("environments/")).collect())
}

/// Writes anew what is made from the code.
pub fn write(tree: &Tree) -> Result<(), String> {
    for name in described(tree)? {
        let dir = tree.root.join("terraform").join(&name);
        folder::write(&dir.join("README.md"), &readme(&dir, &name)?)?;
    }
    rotation::write(tree)
}

pub fn hold(tree: &Tree) -> Result<Outcome, String> {
    let names = described(tree)?;
    for name in &names {
        let dir = tree.root.join("terraform").join(name);
        let file = dir.join("README.md");
        if folder::read(&file).unwrap_or_default() != readme(&dir, name)? {
            return Err(format!(
                "terraform/{name}/README.md is not what the code says: `xtask infra --docs` writes it anew"
            ));
        }
    }
    Ok(Outcome::Passed(format!("{} READMEs", names.len())))
}

fn readme(dir: &Path, name: &str) -> Result<String, String> {
    let mut text = String::new();
    let main = folder::read(&dir.join("main.tf"))?;
    let title = name.rsplit('/').next().unwrap_or(name);
    let _ = write!(text, "{WRITTEN}\n\n# {title}\n\n{}\n\n", hcl::comment(&main));
    variables(&mut text, &folder::read(&dir.join("variables.tf"))?, name)?;
    outputs(&mut text, &folder::read(&dir.join("outputs.tf"))?, name)?;
    makes(&mut text, dir)?;
    tests(&mut text, dir)?;
    Ok(text)
}

fn variables(text: &mut String, code: &str, of: &str) -> Result<(), String> {
    text.push_str("## Variables\n\n| name | type | default | what |\n|---|---|---|---|\n");
    for block in hcl::blocks(code).iter().filter(|block| block.is("variable")) {
        let lacks = |what: &str| format!("terraform/{of}: variable {} has no {what}", block.name());
        let what = block.string("description").ok_or_else(|| lacks("description"))?;
        let kind = block.attribute("type").ok_or_else(|| lacks("type"))?;
        let default = block.attribute("default").map_or_else(|| "(needed)".to_owned(), |d| format!("`{d}`"));
        let _ = writeln!(text, "| `{}` | `{kind}` | {default} | {} |", block.name(), cell(&what));
    }
    Ok(())
}

fn outputs(text: &mut String, code: &str, of: &str) -> Result<(), String> {
    text.push_str("\n## Outputs\n\n| name | what |\n|---|---|\n");
    for block in hcl::blocks(code).iter().filter(|block| block.is("output")) {
        let lacks = || format!("terraform/{of}: output {} has no description", block.name());
        let _ = writeln!(
            text,
            "| `{}` | {} |",
            block.name(),
            cell(&block.string("description").ok_or_else(lacks)?)
        );
    }
    Ok(())
}

fn makes(text: &mut String, dir: &Path) -> Result<(), String> {
    let (mut resources, mut modules) = (BTreeSet::new(), BTreeSet::new());
    for file in folder::files(dir, ".tf")? {
        for block in hcl::blocks(&folder::read(&file)?) {
            match block.words.as_slice() {
                ["resource", kind, _] => drop(resources.insert(format!("`{kind}`"))),
                ["module", name] => drop(modules.insert(format!("`{name}`"))),
                _ => {}
            }
        }
    }
    let listed = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
    if !resources.is_empty() {
        let _ = write!(text, "\n## What it makes\n\n{}\n", listed(resources));
    }
    if !modules.is_empty() {
        let _ = write!(text, "\nand, by modules of its own: {}\n", listed(modules));
    }
    Ok(())
}

fn tests(text: &mut String, dir: &Path) -> Result<(), String> {
    text.push_str("\n## What its tests hold\n\n");
    for file in folder::files(&dir.join("tests"), ".tftest.hcl")? {
        for block in hcl::blocks(&folder::read(&file)?).iter().filter(|block| block.is("run")) {
            let _ = writeln!(text, "- {}", block.name().replace("_s_", "'s ").replace('_', " "));
        }
    }
    Ok(())
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
