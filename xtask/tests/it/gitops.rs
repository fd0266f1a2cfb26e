//! Every service has a base of manifests and every base a service. What the manifests say is `make infra`'s to check.

use std::{collections::BTreeSet, fs, path::PathBuf};

fn folders(of: &str) -> BTreeSet<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(of);
    let entries = fs::read_dir(&path).unwrap_or_else(|e| panic!("{of}: {e}"));
    entries
        .filter_map(Result::ok)
        .filter(|e| e.path().is_dir())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_service_has_a_base_and_every_base_a_service() {
    let libraries = ["contracts", "instrumentation", "testkit"];
    let mut programs: BTreeSet<String> =
        folders("services").into_iter().filter(|s| !libraries.contains(&s.as_str())).collect();
    programs.insert("console".to_owned());
    assert_eq!(programs, folders("gitops/apps/base"));
}
