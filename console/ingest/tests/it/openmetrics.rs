//! The OpenMetrics project's own tests of parsers.

use std::{collections::BTreeMap, fs, path::Path};

use console_ingest::scrape::exposition::{Format, Histograms, SyntaxError, parse};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/openmetrics");

#[test]
fn good_texts_are_read_and_bad_ones_refused() {
    if !Path::new(CORPUS).is_dir() {
        println!("skipped: the OpenMetrics corpus is not at {CORPUS}");
        return;
    }
    let mut scores = BTreeMap::from([("good", (0, 0)), ("bad", (0, 0))]);
    let mut wrong = Vec::new();
    for case in fs::read_dir(CORPUS).unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(description) = fs::read_to_string(case.join("test.json")) else { continue };
        let description: serde_json::Value = serde_json::from_str(&description).unwrap();
        let is_good = description["shouldParse"].as_bool().unwrap();
        let text = fs::read(case.join(description["file"].as_str().unwrap())).unwrap();
        let read = parse(Format::OpenMetrics, Histograms::default(), &text, |_| Ok::<(), SyntaxError>(()));
        let (right, all) = scores.get_mut(if is_good { "good" } else { "bad" }).unwrap();
        *all += 1;
        *right += usize::from(read.is_ok() == is_good);
        if read.is_ok() != is_good {
            wrong.push(format!("{}: {read:?}", case.file_name().unwrap().display()));
        }
    }
    let ((good, all_good), (bad, all_bad)) = (scores["good"], scores["bad"]);
    println!("OpenMetrics: {good} of {all_good} good texts read, {bad} of {all_bad} bad texts refused");
    assert!(all_good > 0 && all_bad > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
