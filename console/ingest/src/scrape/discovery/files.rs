//! Targets from files (prometheus/discovery/file): lists of groups in JSON or YAML.
//!
//! A file that cannot be read keeps its last good targets, and the problem is said; a file that is gone has none.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::scrape::{
    config::{self, ConfigError, FileDiscovery, Problems, RawGroup, Spanned, TargetGroup, listed_labels},
    names::NameScheme,
    target::check_address,
};

/// Most files that one pattern may find.
const MAX_FILES: usize = 1000;

/// What the files of a job said last.
#[derive(Default)]
pub struct FileTargets {
    files: BTreeMap<PathBuf, Vec<TargetGroup>>,
}

impl FileTargets {
    /// Reads all files again; says what is wrong with them. Blocks.
    pub fn refresh(&mut self, discovery: &[FileDiscovery]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut files = BTreeMap::new();
        for file in discovery.iter().flat_map(|d| &d.patterns).flat_map(|pattern| matching(pattern)) {
            let groups = read(&file).unwrap_or_else(|e| {
                problems.push(e.to_string());
                self.files.get(&file).cloned().unwrap_or_default()
            });
            files.insert(file, groups);
        }
        self.files = files;
        problems
    }

    pub fn groups(&self) -> impl Iterator<Item = &TargetGroup> {
        self.files.values().flatten()
    }
}

/// Files that a pattern names, in order.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let Some((prefix, suffix)) = name.split_once('*') else {
        return if pattern.is_file() { vec![pattern.to_owned()] } else { Vec::new() };
    };
    let folder = pattern.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            name.len() >= prefix.len() + suffix.len() && name.starts_with(prefix) && name.ends_with(suffix)
        })
        .filter(|path| path.is_file())
        .take(MAX_FILES)
        .collect();
    found.sort();
    found
}

fn read(file: &Path) -> Result<Vec<TargetGroup>, ConfigError> {
    let raw: Vec<Spanned<RawGroup>> = config::parse(file, &config::read(file)?)?;
    let mut problems = Problems::new(file);
    let mut groups = Vec::new();
    for (i, group) in raw.iter().enumerate() {
        for target in &group.value.targets {
            if let Err(message) = check_address(&target.value) {
                problems.add(target.referenced.line(), format!("[{i}].targets"), message);
            }
        }
        let mut labels = listed_labels(&group.value.labels, NameScheme::Utf8, |line, name, message| {
            problems.add(line, format!("[{i}].labels.{name}"), message);
        });
        labels.push(("__meta_filepath".to_owned(), file.display().to_string()));
        let targets = group.value.targets.iter().map(|t| t.value.clone()).collect();
        groups.push(TargetGroup { targets, labels });
    }
    problems.into_result(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_go_and_keep_their_targets_while_they_are_broken() {
        let dir = tempfile::tempdir().unwrap();
        let discovery = [FileDiscovery {
            patterns: vec![dir.path().join("t-*.json"), dir.path().join("one.yml")],
            refresh: std::time::Duration::from_secs(1),
        }];
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let mut files = FileTargets::default();
        let targets = |files: &FileTargets| {
            files.groups().flat_map(|g| g.targets.clone()).collect::<Vec<_>>().join(" ")
        };
        assert!(files.refresh(&discovery).is_empty());
        write("t-1.json", r#"[{"targets": ["a:1", "a:2"], "labels": {"a.zone": "x"}}]"#);
        write("one.yml", "- targets: [b:1]\n");
        write("other.json", r#"[{"targets": ["c:1"]}]"#);
        assert!(files.refresh(&discovery).is_empty());
        assert_eq!(targets(&files), "b:1 a:1 a:2");
        let labels = &files.groups().nth(1).unwrap().labels;
        assert_eq!(labels[0], ("a.zone".to_owned(), "x".to_owned()));
        assert!(labels[1].0 == "__meta_filepath" && labels[1].1.ends_with("t-1.json"));
        write("t-1.json", r#"[{"targets": ["a:1"], "label": {}}]"#);
        let problems = files.refresh(&discovery);
        assert!(problems[0].contains("t-1.json:1") && problems[0].contains("label"), "{problems:?}");
        assert_eq!(targets(&files), "b:1 a:1 a:2");
        std::fs::remove_file(dir.path().join("t-1.json")).unwrap();
        assert!(files.refresh(&discovery).is_empty());
        assert_eq!(targets(&files), "b:1");
    }
}
