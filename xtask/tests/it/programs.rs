//! Nothing starts a program that `xtask/tools.toml` does not have, and nothing passes because a program is absent.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// All source files of the repository with their text, new ones included.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let found = Command::new(xtask_programs::path("git").unwrap())
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", "*.rs"])
        .current_dir(&root)
        .output()
        .expect("git runs");
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    let files = String::from_utf8(found.stdout).expect("names of files are text");
    let read = |file: &str| Some((file.to_owned(), fs::read_to_string(root.join(file)).ok()?));
    files.lines().filter_map(read).collect()
}

/// How testkit starts what it looked up.
const TESTKIT: &str = concat!("listed", "(");

/// The string literals that directly follow `call`, an opening parenthesis included.
fn literals<'a>(text: &'a str, call: &str) -> Vec<&'a str> {
    let after = text.split(call).skip(1);
    after.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next()).collect()
}

#[test]
fn no_source_starts_a_program_outside_the_list() {
    let listed: BTreeSet<String> = xtask_programs::all().into_iter().map(|p| p.name).collect();
    let calls = [
        concat!("Command", "::new("),
        concat!("xtask_programs", "::path("),
        concat!("program", "::command("),
        TESTKIT,
    ];
    let mut started = BTreeSet::new();
    let mut unlisted = Vec::new();
    for (file, text) in sources() {
        // Where the look-up itself is tested.
        if file.starts_with("xtask/programs/") {
            continue;
        }
        let calls = calls.iter().filter(|call| **call != TESTKIT || file.starts_with("services/testkit/"));
        for program in calls.flat_map(|call| literals(&text, call)) {
            if listed.contains(program) {
                started.insert(program.to_owned());
            } else {
                unlisted.push(format!("{file}: {program}"));
            }
        }
    }
    assert!(unlisted.is_empty(), "add these to xtask/tools.toml: {unlisted:?}");
    for known in ["git", "promtool", "chromedriver", "redis-server", "psql", "terraform"] {
        assert!(started.contains(known), "the search does not find where {known} is started");
    }
}

/// The text from each `call` to the parenthesis that closes it.
fn arguments<'a>(text: &'a str, call: &str) -> Vec<&'a str> {
    let closing = |rest: &str| {
        let mut open = 1;
        let closes = |c: char| {
            open += i32::from(c == '(') - i32::from(c == ')');
            open == 0
        };
        rest.find(closes).unwrap_or(rest.len())
    };
    text.split(call).skip(1).map(|rest| rest[..closing(rest)].trim()).collect()
}

#[test]
fn a_program_that_is_not_named_on_the_spot_was_looked_up() {
    // Files whose programs were named elsewhere: looked up by whoever calls them, or built by this workspace.
    let handed_over = [
        "console/proof/src/peer/process.rs",
        // A kubeconfig names it.
        "console/sources/src/kubernetes/exec.rs",
        "console/tsdb/examples/crash_proof/",
        "services/testkit/src/local.rs",
        "xtask/programs/src/",
        "xtask/src/bench/",
        "xtask/src/checked_sql/",
        "xtask/src/drill/",
        // Programs of this workspace, and the Python beside a tool that was looked up.
        "xtask/src/infra/manifests/",
        "xtask/src/platform/",
    ];
    let known = ["xtask_programs", "current_exe()", "env!(\"CARGO"];
    let mut unknown = Vec::new();
    for (file, text) in sources() {
        if handed_over.iter().any(|place| file.starts_with(place)) {
            continue;
        }
        for program in arguments(&text, concat!("Command", "::new(")) {
            let named = program.starts_with('"') || known.iter().any(|k| program.contains(k));
            let looked_up =
                text.contains(&format!("let {program} = {}", concat!("xtask_programs", "::path(")));
            if !program.is_empty() && !named && !looked_up {
                unknown.push(format!("{file}: {program}"));
            }
        }
    }
    assert!(unknown.is_empty(), "look these up with xtask_programs::path: {unknown:?}");
}

#[test]
fn a_test_that_is_skipped_wants_the_corpora_beside_the_checkout() {
    let marker = concat!("skip", "ped");
    // The end-to-end program, which `make e2e` runs and which a plain `cargo test` starts without a platform.
    let gate = "xtask/tests/platform/main.rs";
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let tells = line.contains("println!(") && line.contains(marker);
            // What it wants stands in its message or in the lines before.
            let context = lines[number.saturating_sub(12)..=number].join("\n").to_lowercase();
            if tells && file != gate && !context.contains("corpus") && !file.contains("querytest") {
                wrong.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "an absent program is a failure, never a pass: {wrong:#?}");
}
