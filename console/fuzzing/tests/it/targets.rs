//! The list of targets and the files of cargo-fuzz are the same list.

use std::{collections::BTreeSet, fs};

use console_fuzzing::TARGETS;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz");

#[test]
fn every_target_has_a_file_and_every_file_a_target() {
    let names: BTreeSet<String> = TARGETS.iter().map(|t| t.name.to_owned()).collect();
    let files: BTreeSet<String> = fs::read_dir(format!("{FOLDER}/fuzz_targets"))
        .unwrap()
        .map(|e| e.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, files);
    let manifest = fs::read_to_string(format!("{FOLDER}/Cargo.toml")).unwrap();
    for name in &names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the manifest");
        let body = fs::read_to_string(format!("{FOLDER}/fuzz_targets/{name}.rs")).unwrap();
        assert!(body.contains(&format!("console_fuzzing::fuzz_one(\"{name}\", data)")), "{name}");
    }
}
