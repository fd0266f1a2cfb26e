//! The folders of `gitops/`, rendered by kustomize and with their variables in place, cluster by cluster.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    object::{Object, list, text},
    variables,
};
use crate::infra::{Outcome, Tree, folder, program};

/// What one cluster gets: its own folder and what the Kustomizations in it name.
pub struct Cluster {
    pub name: String,
    /// The part of its secrets' names.
    pub environment: String,
    pub objects: Vec<Object>,
}

/// All clusters of a tree; its variants, and what a cluster may become, as clusters of their own.
pub struct Rendered {
    pub clusters: Vec<Cluster>,
    /// `path: ${name}` of what nothing sets.
    pub unset: Vec<String>,
}

/// Checks share what was rendered: the tree does not change while they run.
static DONE: LazyLock<Mutex<HashMap<PathBuf, Arc<Rendered>>>> = LazyLock::new(Mutex::default);

pub fn rendered(tree: &Tree) -> Result<Arc<Rendered>, String> {
    let mut done = DONE.lock().map_err(|e| e.to_string())?;
    if let Some(rendered) = done.get(&tree.root) {
        return Ok(rendered.clone());
    }
    let rendered = Arc::new(render(&tree.root)?);
    done.insert(tree.root.clone(), rendered.clone());
    Ok(rendered)
}

/// `kubectl kustomize` of every folder with a Kustomization, not only of those that are applied.
pub fn every_folder(tree: &Tree) -> Result<Outcome, String> {
    let mut count = 0;
    let mut wrong = Vec::new();
    for file in folder::files(&tree.root.join("gitops"), "kustomization.yaml")? {
        // A component is a change of something else, and renders with it.
        if folder::read(&file)?.lines().any(|line| line == "kind: Component") {
            continue;
        }
        count += 1;
        let of = file.parent().unwrap_or(&file);
        if let Err(message) = kustomize(of) {
            wrong.push(format!("{}: {message}", of.strip_prefix(&tree.root).unwrap_or(of).display()));
        }
    }
    if wrong.is_empty() { Ok(Outcome::Passed(format!("{count} folders"))) } else { Err(wrong.join("\n")) }
}

fn render(root: &Path) -> Result<Rendered, String> {
    let facts = variables::facts(root)?;
    let mut texts = Texts { root, done: BTreeMap::new(), unset: Vec::new() };
    let mut clusters = Vec::new();
    for name in folder::folders(&root.join("gitops/clusters"))? {
        clusters.push(texts.cluster(&name, None, &facts)?);
        for more in later(root, &name)? {
            clusters.push(texts.cluster(&name, Some(&more), &facts)?);
        }
    }
    let variants = root.join("gitops/variants");
    for variant in if variants.is_dir() { folder::folders(&variants)? } else { Vec::new() } {
        let mut objects = texts.objects("gitops/clusters/production", Some(&own("production", &facts)))?;
        for (path, variables) in parts(&objects, &facts) {
            let part = path.rsplit('/').next().unwrap_or_default();
            let own = format!(
                "gitops/variants/{variant}/{}",
                if part == "production" { path.split('/').rev().nth(1).unwrap_or_default() } else { part }
            );
            let path = if root.join(&own).is_dir() { own } else { path };
            objects.extend(texts.objects(&path, variables.as_ref())?);
        }
        let environment = "production".to_owned();
        clusters.push(Cluster { name: format!("variants/{variant}"), environment, objects });
    }
    Ok(Rendered { clusters, unset: texts.unset })
}

/// The folders in a cluster's own that it does not name yet: what the second region has besides once it leads.
fn later(root: &Path, cluster: &str) -> Result<Vec<String>, String> {
    let own = root.join("gitops/clusters").join(cluster);
    let named = folder::read(&own.join("kustomization.yaml"))?;
    let mut folders = folder::folders(&own)?;
    folders.retain(|folder| !named.lines().any(|line| line.trim() == format!("- {folder}")));
    Ok(folders)
}

/// What a cluster's own folder gets: the facts, and the environment that it is.
fn own(cluster: &str, facts: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut variables = facts.clone();
    variables.insert("environment".to_owned(), cluster.to_owned());
    variables
}

/// The folders that the Kustomizations of a cluster name, with the variables that each sets.
fn parts(
    objects: &[Object],
    facts: &BTreeMap<String, String>,
) -> Vec<(String, Option<BTreeMap<String, String>>)> {
    let kustomizations = objects.iter().filter(|o| o.kind() == "Kustomization");
    // A cluster's own folder is one of its parts, and rendered already.
    let kustomizations = kustomizations.filter(|o| !o.text("/spec/path").starts_with("./gitops/clusters/"));
    kustomizations
        .map(|object| {
            let path = object.text("/spec/path").trim_start_matches("./").to_owned();
            let variables = object.value.pointer("/spec/postBuild").map(|build| {
                let mut variables = BTreeMap::new();
                if !list(build, "/substituteFrom").is_empty() {
                    variables.extend(facts.clone());
                }
                let own = build.get("substitute").and_then(Value::as_object).into_iter().flatten();
                variables.extend(
                    own.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())),
                );
                variables
            });
            (path, variables)
        })
        .collect()
}

/// Rendered texts: clusters share folders.
struct Texts<'a> {
    root: &'a Path,
    done: BTreeMap<String, String>,
    unset: Vec<String>,
}

impl Texts<'_> {
    /// A cluster, with one more folder in its own where it is named.
    fn cluster(
        &mut self,
        environment: &str,
        more: Option<&str>,
        facts: &BTreeMap<String, String>,
    ) -> Result<Cluster, String> {
        let name = more.map_or_else(|| environment.to_owned(), |more| format!("{environment}/{more}"));
        let variables = own(environment, facts);
        let mut objects = self.objects(&format!("gitops/clusters/{environment}"), Some(&variables))?;
        if more.is_some() {
            objects.extend(self.objects(&format!("gitops/clusters/{name}"), Some(&variables))?);
        }
        for (path, variables) in parts(&objects, facts) {
            objects.extend(self.objects(&path, variables.as_ref())?);
        }
        Ok(Cluster { name, environment: environment.to_owned(), objects })
    }

    fn objects(
        &mut self,
        path: &str,
        variables: Option<&BTreeMap<String, String>>,
    ) -> Result<Vec<Object>, String> {
        if !self.done.contains_key(path) {
            let text = kustomize(&self.root.join(path)).map_err(|e| format!("{path}: {e}"))?;
            self.done.insert(path.to_owned(), text);
        }
        let rendered = &self.done[path];
        let mut objects = Vec::new();
        for document in rendered.split("\n---\n").filter(|document| !document.trim().is_empty()) {
            let document = match variables {
                // Flux leaves alone what says so: texts with variables of somebody else's.
                Some(variables) if !document.contains("kustomize.toolkit.fluxcd.io/substitute: disabled") => {
                    let (text, unset) = variables::substitute(document, variables);
                    self.unset.extend(unset.into_iter().map(|name| format!("{path}: ${{{name}}}")));
                    text
                }
                _ => document.to_owned(),
            };
            let value: Value = serde_saphyr::from_str(&document).map_err(|e| format!("{path}: {e}"))?;
            if text(&value, "/kind").ends_with("List") {
                return Err(format!("{path}: a list of objects, whose parts nothing would check"));
            }
            objects.push(Object { path: path.to_owned(), value });
        }
        Ok(objects)
    }
}

/// What kustomize made of a folder, by what it is made of: copies of the tree with one change share all the rest.
static MADE: LazyLock<Mutex<HashMap<Vec<u8>, String>>> = LazyLock::new(Mutex::default);

fn kustomize(of: &Path) -> Result<String, String> {
    let mut digest = Sha256::new();
    sources(of, &mut digest)?;
    let digest = digest.finalize().to_vec();
    if let Some(text) = MADE.lock().map_err(|e| e.to_string())?.get(&digest) {
        return Ok(text.clone());
    }
    let text = program::output(program::command("kubectl")?.arg("kustomize").arg(of))?;
    MADE.lock().map_err(|e| e.to_string())?.insert(digest, text.clone());
    Ok(text)
}

/// Everything below a folder, and below the folders that its Kustomizations name.
fn sources(of: &Path, digest: &mut Sha256) -> Result<(), String> {
    for file in folder::files(of, "")? {
        let text = folder::read(&file)?;
        digest.update(file.strip_prefix(of).unwrap_or(&file).as_os_str().as_encoded_bytes());
        digest.update(text.len().to_le_bytes());
        digest.update(&text);
        if file.file_name().is_some_and(|name| name == "kustomization.yaml") {
            let at = file.parent().unwrap_or(of);
            let entries = text.lines().filter_map(|line| line.trim().strip_prefix("- "));
            for other in entries.filter(|entry| entry.starts_with("../")).map(|entry| at.join(entry)) {
                match other.canonicalize() {
                    Ok(other) if other.is_dir() => sources(&other, digest)?,
                    _ => digest.update(b"absent"),
                }
            }
        }
    }
    Ok(())
}
