//! What the guides about security name is there, and the answers to the standard are whole and counted rightly.

use std::{collections::BTreeMap, fs, path::Path};

const GUIDES: [&str; 3] = ["security.md", "threat-model.md", "asvs.md"];
const ANSWERS: [&str; 4] = ["yes", "partly", "no", "not applicable"];
/// Requirements of levels 1 and 2 in version 5.0.0 of the standard.
const REQUIREMENTS: usize = 253;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn guide(name: &str) -> String {
    fs::read_to_string(root().join("runbooks/guides").join(name)).unwrap()
}

/// What stands in backquotes and begins with a folder of the project.
fn paths(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| {
        word.split_once('/').is_some_and(|(folder, _)| !folder.is_empty() && root().join(folder).is_dir())
    };
    quoted.filter(is_path).collect()
}

/// Cells of each row of the tables whose first cell is a requirement's number.
fn requirements(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells[0].split('.').count() == 3)
        .collect()
}

#[test]
fn files_that_the_guides_name_are_there() {
    let mut seen = 0;
    for name in GUIDES {
        // Fenced diagrams have no backquotes of their own, but three on each side.
        let text = guide(name).replace("```", "");
        for path in paths(&text) {
            seen += 1;
            assert!(root().join(path).exists(), "{name} names {path}");
        }
    }
    assert!(seen > 300, "{seen} paths");
}

#[test]
fn every_requirement_is_answered_once_in_order_with_evidence() {
    let text = guide("asvs.md");
    let rows = requirements(&text);
    assert_eq!(rows.len(), REQUIREMENTS);
    let mut last = Vec::new();
    for row in &rows {
        let [number, level, what, answer, evidence] = row[..] else { panic!("{row:?}") };
        let key: Vec<u32> = number.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(key > last, "{number} is out of order or stands twice");
        last = key;
        assert!(["1", "2"].contains(&level), "{number}: level {level}");
        assert!(ANSWERS.contains(&answer) && !what.is_empty() && !evidence.is_empty(), "{row:?}");
        assert!(!["yes", "partly"].contains(&answer) || evidence.contains('`'), "{number}: no evidence");
    }
}

#[test]
fn the_summary_counts_what_stands_below() {
    let text = guide("asvs.md");
    let mut counted: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    for row in requirements(&text) {
        let at = ANSWERS.iter().position(|answer| *answer == row[3]).unwrap();
        let chapter = row[0].split('.').next().unwrap();
        for key in [chapter, "all"] {
            counted.entry(key.to_owned()).or_default()[at] += 1;
        }
    }
    let summary = text.split("\n## ").next().unwrap();
    let mut seen = 0;
    for line in summary.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let key = cells[0].split(' ').next().unwrap();
        let told: Vec<usize> = cells[1..].iter().map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(told, counted[key], "{key}");
        seen += 1;
    }
    assert_eq!(seen, counted.len());
}
