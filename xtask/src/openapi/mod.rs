//! Compares the committed OpenAPI documents with those of the last release: what breaks a caller of that release is an
//! error. Decision 0017 says why this is not oasdiff.

mod diff;
mod schema;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

const FILE: &str = "openapi.json";

/// Compares the documents of the checkout in `root` with those of its last tag; prints what it did.
pub fn check(root: &Path) -> Result<(), String> {
    let Some(tag) = git(root, &["describe", "--tags", "--abbrev=0"])? else {
        println!("openapi: no release is tagged yet, so there is no caller to break");
        return Ok(());
    };
    let tag = tag.trim();
    let mut broken = Vec::new();
    let services = services(root, tag)?;
    for service in &services {
        let path = format!("services/{service}/{FILE}");
        let Some(before) = git(root, &["show", &format!("{tag}:{path}")])? else { continue };
        let after = std::fs::read_to_string(root.join(&path)).unwrap_or_else(|_| "{}".to_owned());
        let parse = |text: &str, of: &str| {
            serde_json::from_str::<Value>(text).map_err(|e| format!("{path} of {of} is no JSON: {e}"))
        };
        let found = diff::breaking(&parse(&before, tag)?, &parse(&after, "the checkout")?);
        broken.extend(found.into_iter().map(|change| format!("  {service}: {change}")));
    }
    if broken.is_empty() {
        println!("openapi: nothing breaks a caller of {tag} ({} documents)", services.len());
        return Ok(());
    }
    let rule = "callers of that release run beside this one: add, and remove a release later";
    Err(format!("breaking changes since {tag}; {rule}\n{}", broken.join("\n")))
}

/// Services that have a document in the checkout or had one at the tag.
fn services(root: &Path, tag: &str) -> Result<BTreeSet<String>, String> {
    let listed = git(root, &["ls-tree", "-r", "--name-only", tag, "services"])?.unwrap_or_default();
    let then = listed.lines().filter_map(|line| {
        let (service, file) = line.strip_prefix("services/")?.split_once('/')?;
        (file == FILE).then(|| service.to_owned())
    });
    let mut services: BTreeSet<String> = then.collect();
    let folders = std::fs::read_dir(root.join("services")).map_err(|e| format!("services/: {e}"))?;
    for folder in folders.filter_map(Result::ok).filter(|folder| folder.path().join(FILE).exists()) {
        services.insert(folder.file_name().to_string_lossy().into_owned());
    }
    Ok(services)
}

/// What git prints; `None` where it refuses (no tag, no such file at that tag).
fn git(root: &Path, arguments: &[&str]) -> Result<Option<String>, String> {
    let git = xtask_programs::path("git").map_err(|e| e.to_string())?;
    let output = Command::new(git).arg("-C").arg(root).args(arguments).output();
    let output = output.map_err(|e| format!("git cannot be started: {e}"))?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
}
