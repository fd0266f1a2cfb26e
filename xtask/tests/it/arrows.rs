//! The arrows of ARCHITECTURE.md, from cargo's own view of the workspace.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Our crates with the top-level folder that each lies in, and its dependencies (without dev-dependencies).
fn crates() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let root = metadata["workspace_root"].as_str().unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages.iter().map(|p| p["name"].as_str().unwrap()).collect();
    packages
        .iter()
        .map(|p| {
            let path = p["manifest_path"].as_str().unwrap().trim_start_matches(root).trim_start_matches('/');
            let folder = path.split('/').next().unwrap().to_owned();
            let dependencies = p["dependencies"].as_array().unwrap().iter();
            let ours = dependencies
                .filter(|d| d["kind"].is_null())
                .filter_map(|d| d["name"].as_str())
                .filter(|d| names.contains(d))
                .map(str::to_owned)
                .collect();
            (p["name"].as_str().unwrap().to_owned(), (folder, ours))
        })
        .collect()
}

fn assert_no_arrows(forbidden: impl Fn(&str, &str, &str, &str) -> bool, rule: &str) {
    let crates = crates();
    let mut broken = Vec::new();
    for (name, (folder, dependencies)) in &crates {
        for dependency in dependencies {
            if forbidden(name, folder, dependency, &crates[dependency].0) {
                broken.push(format!("{name} -> {dependency}"));
            }
        }
    }
    assert!(broken.is_empty(), "{rule}: {broken:?}");
}

#[test]
fn nothing_crosses_top_level_folders_but_alerting_to_the_console_s_language_and_ports() {
    // Tests and proofs of all folders look programs up.
    let allowed = |from: &str, to: &str| {
        matches!(
            (from, to),
            ("shop-testkit" | "console-proof", "xtask-programs")
                | (
                    "alerting-engine",
                    "console-model" | "console-storage" | "console-promql" | "console-template"
                )
                | ("console-server", "alerting-engine")
        )
    };
    assert_no_arrows(
        |from, folder, to, to_folder| folder != to_folder && !allowed(from, to),
        "an arrow crosses top-level folders",
    );
}

#[test]
fn services_do_not_depend_on_each_other() {
    let shared = ["shop-contracts", "shop-instrumentation"];
    assert_no_arrows(
        |from, folder, to, _| {
            folder == "services"
                && !shared.contains(&to)
                && to != "shop-testkit"
                && (from, to) != ("shop-testkit", "xtask-programs")
        },
        "services speak HTTP",
    );
}

#[test]
fn engines_see_ports_and_never_stores() {
    let engines = ["console-promql", "console-logql", "console-traceql"];
    let seen = ["console-model", "console-storage", "console-template"];
    assert_no_arrows(
        |from, _, to, _| engines.contains(&from) && !seen.contains(&to),
        "an engine reaches past ports",
    );
}

#[test]
fn stores_know_no_engine_and_pages_know_no_store() {
    let stores = ["console-tsdb", "console-logstore", "console-tracestore"];
    let store_sees = ["console-model", "console-storage", "console-blockkit"];
    assert_no_arrows(
        |from, _, to, _| stores.contains(&from) && !store_sees.contains(&to),
        "a store reaches out",
    );
    let page_sees = ["console-model", "console-storage", "console-state", "console-ui"];
    assert_no_arrows(
        |from, _, to, _| from == "console-app" && !page_sees.contains(&to),
        "a page reaches past ports",
    );
}

#[test]
fn what_comes_in_knows_ports_alone() {
    let seen = ["console-model", "console-storage"];
    assert_no_arrows(
        |from, _, to, _| from == "console-ingest" && !seen.contains(&to),
        "ingest reaches past ports: clusters are watched by sources",
    );
}

#[test]
fn metrics_are_derived_between_ports() {
    let seen = ["console-model", "console-storage"];
    assert_no_arrows(
        |from, _, to, _| from == "console-spanmetrics" && !seen.contains(&to),
        "deriving metrics reaches past ports",
    );
    let arrows = crates();
    let from: Vec<&String> = arrows
        .iter()
        .filter(|(_, (_, to))| to.contains("console-spanmetrics"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(from, ["console-server"], "only the server puts it in its place");
}

#[test]
fn leaves_stay_leaves() {
    let leaves =
        ["console-model", "console-blockkit", "shop-contracts", "console-template", "xtask-programs"];
    assert_no_arrows(|from, _, _, _| leaves.contains(&from), "a leaf grew an arrow");
}
