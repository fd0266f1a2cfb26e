//! Files that others wrote: good ones load, bad ones are refused.

use std::path::{Path, PathBuf};

use alerting_engine::{
    routing::RoutingConfig,
    rules::{NameValidation, file},
};

fn corpus(name: &str) -> Option<Vec<PathBuf>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora").join(name);
    let Ok(entries) = std::fs::read_dir(&dir) else {
        println!("corpus {name}: skipped, the folder ../shared/corpora/{name} is absent");
        return None;
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yml" || e == "yaml"));
    files.sort();
    Some(files)
}

fn score(name: &str, results: &[(String, Result<(), String>, bool)]) {
    let wrong: Vec<_> = results.iter().filter(|(_, r, good)| r.is_ok() != *good).collect();
    println!("corpus {name}: {} of {}", results.len() - wrong.len(), results.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rule_files_of_the_corpus_load_or_are_refused() {
    let Some(files) = corpus("rules") else { return };
    let results: Vec<_> = files
        .iter()
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            // The file's name says which naming scheme it is meant for.
            let names =
                if name.starts_with("legacy_") { NameValidation::Legacy } else { NameValidation::Utf8 };
            let good = !name.contains(".bad.") && name != "invalid_rules.yaml";
            (name, file::load(path, names).map(|_| ()).map_err(|e| e.to_string()), good)
        })
        .collect();
    score("rules", &results);
}

#[test]
fn routing_files_of_the_corpus_load_or_are_refused() {
    let Some(files) = corpus("alertmanager") else { return };
    let results: Vec<_> = files
        .iter()
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            // A credential given twice in one section, or nowhere, is an error; one section may override another.
            let bad = name.contains(".nil-")
                || name.contains("-both-")
                || name.contains("-no-") && !name.contains("no-username")
                || name.contains("-invalid")
                || name.contains("-old-team")
                || name.contains("-update-message-and-webhook");
            (name, RoutingConfig::load(path).map(|_| ()).map_err(|e| e.to_string()), !bad)
        })
        .collect();
    score("alertmanager", &results);
}
