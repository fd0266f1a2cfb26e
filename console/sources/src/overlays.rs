//! Which versions each environment declares: `apps/ENVIRONMENT` as kustomize builds it, as far as images go.
//!
//! Understood: `resources` and `components` (files and folders of the same repository), and `images` with `newName`,
//! `newTag` and `digest` at every level, the innermost first. Not understood: patches that change an image, and what lies
//! in other repositories.

mod kustomization;
mod patch;

use std::collections::{BTreeMap, BTreeSet};

use console_model::deploy::DeclaredVersion;

use self::kustomization::{Kustomization, join};
pub use self::patch::images_changed;
use crate::manifests::{Workload, is_yaml, workloads};

/// Folders within folders; kustomize itself refuses circles.
const MAX_DEPTH: usize = 16;
const MAX_FILES: usize = 2000;

/// The folder of a repository, and the one environment of it that is asked for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    pub folder: &'a str,
    /// None: all of them.
    pub environment: Option<&'a str>,
}

/// How far an answer is.
#[derive(Debug)]
pub enum Step {
    /// Files that are to be read first. One that does not exist counts as empty.
    Read(Vec<String>),
    Done(Declared),
}

/// What a folder declares.
#[derive(Debug, Default)]
pub struct Declared {
    pub versions: Vec<DeclaredVersion>,
    /// Services by the image that their manifests name, before any overlay changes it.
    pub services: BTreeMap<String, BTreeSet<String>>,
}

impl Declared {
    /// Adds the services of images that a patch changes.
    pub fn add_services_of(&self, patch: &str, services: &mut Vec<String>) {
        for image in images_changed(patch) {
            services.extend(self.services.get(&image).into_iter().flatten().cloned());
        }
        services.sort();
        services.dedup();
    }
}

/// What the files below the folder declare, sorted by service and environment; where no folder `apps/ENVIRONMENT` has a
/// kustomization, what all manifests say themselves. `paths` are the files below the folder, `texts` what was read so far.
/// Errors say what is wrong with the repository.
pub fn declared(
    asked: &Asked<'_>,
    paths: &[String],
    texts: &BTreeMap<String, String>,
) -> Result<Step, String> {
    if texts.len() > MAX_FILES {
        return Err(format!("{} has more than {MAX_FILES} manifests", asked.folder));
    }
    let mut reading = Reading { texts, missing: BTreeSet::new(), services: BTreeMap::new() };
    let mut found = Vec::new();
    let environments = reading.environments(paths)?;
    if environments.is_empty() {
        for file in paths.iter().filter(|p| is_yaml(p)) {
            found.extend(reading.workloads(file).into_iter().map(|w| (None, w)));
        }
    }
    for (name, folder) in &environments {
        if asked.environment.is_none_or(|wanted| wanted == name) {
            let mut built = Vec::new();
            reading.build(folder, &mut built, 0)?;
            found.extend(built.into_iter().map(|w| (Some(name.clone()), w)));
        }
    }
    if !reading.missing.is_empty() {
        return Ok(Step::Read(reading.missing.into_iter().collect()));
    }
    if let Some(wanted) = asked.environment
        && !environments.contains_key(wanted)
    {
        return Err(format!("{} has no apps/{wanted}/kustomization.yaml", asked.folder));
    }
    let mut rows: Vec<DeclaredVersion> = found
        .into_iter()
        .filter_map(|(environment, w)| {
            let version = w.image.version()?.to_owned();
            Some(DeclaredVersion { service: w.service, environment, version, file: w.file })
        })
        .collect();
    rows.sort_by(|a, b| (&a.service, &a.environment).cmp(&(&b.service, &b.environment)));
    rows.dedup_by(|b, a| (&a.service, &a.environment) == (&b.service, &b.environment));
    Ok(Step::Done(Declared { versions: rows, services: reading.services }))
}

struct Reading<'a> {
    texts: &'a BTreeMap<String, String>,
    missing: BTreeSet<String>,
    services: BTreeMap<String, BTreeSet<String>>,
}

impl Reading<'_> {
    fn text(&mut self, file: &str) -> Option<&str> {
        let Some(text) = self.texts.get(file) else {
            self.missing.insert(file.to_owned());
            return None;
        };
        (!text.is_empty()).then_some(text)
    }

    fn workloads(&mut self, file: &str) -> Vec<Workload> {
        let found = self.text(file).map(|text| workloads(file, text)).unwrap_or_default();
        for one in &found {
            self.services.entry(one.image.name.clone()).or_default().insert(one.service.clone());
        }
        found
    }

    /// The file's name with what it says.
    fn kustomization(&mut self, folder: &str) -> Result<Option<(String, Kustomization)>, String> {
        for name in ["kustomization.yaml", "kustomization.yml"] {
            let file = format!("{folder}/{name}");
            if !self.texts.contains_key(&file) {
                self.missing.insert(file);
                return Ok(None);
            }
            let Some(text) = self.text(&file) else { continue };
            let read = Kustomization::parse(text).map_err(|e| format!("{file}: {e}"))?;
            return Ok(Some((file, read)));
        }
        Ok(None)
    }

    /// Names and folders of environments: what lies directly in a folder `apps` and is nobody's base.
    fn environments(&mut self, paths: &[String]) -> Result<BTreeMap<String, String>, String> {
        let mut found = BTreeMap::new();
        let mut bases = BTreeSet::new();
        for path in paths {
            let mut parts = path.rsplitn(4, '/');
            let (Some("kustomization.yaml" | "kustomization.yml"), Some(name), Some("apps")) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if let Some((_, read)) = self.kustomization(folder)? {
                bases.extend(read.resources.iter().filter_map(|r| join(folder, r)));
                if !read.is_component {
                    found.insert(name.to_owned(), folder.to_owned());
                }
            }
        }
        found.retain(|_, folder| !bases.contains(folder));
        Ok(found)
    }

    fn build(&mut self, folder: &str, built: &mut Vec<Workload>, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("{folder}: more than {MAX_DEPTH} folders refer to one another"));
        }
        let Some((file, read)) = self.kustomization(folder)? else { return Ok(()) };
        for resource in read.resources.iter().filter_map(|r| join(folder, r)) {
            if is_yaml(&resource) {
                built.extend(self.workloads(&resource));
            } else {
                // What a folder changes, it changes in its own.
                let mut inner = Vec::new();
                self.build(&resource, &mut inner, depth + 1)?;
                built.extend(inner);
            }
        }
        for component in read.components.iter().filter_map(|c| join(folder, c)) {
            self.build(&component, built, depth + 1)?;
        }
        for workload in built {
            if let Some(change) = read.images.iter().find(|i| i.name == workload.image.name) {
                change.apply(&mut workload.image);
                workload.file.clone_from(&file);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
