//! The list of targets and the files of cargo-fuzz are the same list.

use std::{collections::BTreeSet, fs};

use console_fuzzing::{TARGETS, find, mutate::Mutator, rng::Rng};
use console_promql::ParseOptions;

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

/// How many of a thousand seeds, and of a thousand mutated ones, a language takes.
fn taken(target: &str, parses: impl Fn(&str) -> bool) -> (usize, usize) {
    let target = find(target).unwrap();
    let seeds = (target.seeds)();
    let share = |inputs: &mut dyn Iterator<Item = Vec<u8>>| {
        let inputs: Vec<_> = inputs.take(1000).collect();
        let good = inputs.iter().filter(|i| std::str::from_utf8(i).is_ok_and(&parses)).count();
        good * 1000 / inputs.len()
    };
    let rng = Rng::new(5);
    let mut mutator = Mutator { rng, seeds: &seeds, words: target.words, max_bytes: target.max_bytes };
    (share(&mut seeds.iter().cloned()), share(&mut std::iter::repeat_with(|| mutator.next_input())))
}

#[test]
fn most_seeds_are_queries_and_some_damaged_ones_still_are() {
    let all = [
        taken("promql_eval", |q| console_promql::parse(q, ParseOptions { experimental: true }).is_ok()),
        taken("logql_eval", |q| console_logql::parse(q).is_ok()),
        taken("traceql_eval", |q| console_traceql::parse(q).is_ok()),
    ];
    println!("queries of a thousand seeds and damaged seeds: {all:?}");
    assert!(all.iter().all(|(seeds, damaged)| *seeds > 500 && *damaged > 200), "{all:?}");
}
