//! What tests need must not change what programs are made of: a crate whose features tests alone turn on is compiled once
//! for tests and once more for `make up`, with everything that stands on it, and what runs is not what was tested.

use std::collections::BTreeSet;

/// Crates with their features, as cargo would build them for these kinds of dependencies.
fn built_with(edges: &str) -> BTreeSet<String> {
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--prefix",
            "none",
            "--format",
            "{p} with {f}",
            "--edges",
            edges,
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("a tree is text");
    tree.lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn programs_have_the_features_that_tests_run_with() {
    let programs = built_with("normal,build");
    let tests = built_with("normal,build,dev");
    assert!(programs.len() > 400, "only {} crates: another tree is meant", programs.len());
    let compiled_twice: Vec<&String> = programs.difference(&tests).collect();
    assert!(
        compiled_twice.is_empty(),
        "tests build these with more features; name those in xtask/Cargo.toml, too: {compiled_twice:#?}"
    );
}
