//! Runs the TraceQL corpus where it is present: which queries parse, which are wrong, which are unsupported.

use std::path::Path;

use console_traceql::{Error, parse, validate};
use serde::Deserialize;

const CORPUS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/traceql/test_examples.yaml");

/// Queries answered as the corpus says. Raise it with the score; it must never fall.
const BASELINE: usize = 463;

#[derive(Deserialize)]
struct Corpus {
    valid: Vec<String>,
    parse_fails: Vec<String>,
    validate_fails: Vec<String>,
    unsupported: Vec<String>,
    #[expect(dead_code, reason = "an empty section of the file")]
    dump: Option<Vec<String>>,
}

fn verdict(query: &str) -> &'static str {
    match parse(query) {
        Err(_) => "parse_fails",
        Ok(q) => match validate(&q) {
            Ok(()) => "valid",
            Err(Error::Unsupported { .. }) => "unsupported",
            Err(_) => "validate_fails",
        },
    }
}

#[test]
fn the_corpus_score_does_not_fall() {
    if !Path::new(CORPUS).exists() {
        println!("traceql corpus: skipped, {CORPUS} is absent");
        return;
    }
    let corpus: Corpus = serde_saphyr::from_str(&std::fs::read_to_string(CORPUS).unwrap()).unwrap();
    let groups = [
        ("valid", corpus.valid),
        ("parse_fails", corpus.parse_fails),
        ("validate_fails", corpus.validate_fails),
        ("unsupported", corpus.unsupported),
    ];
    let (mut right, mut total) = (0, 0);
    for (group, queries) in groups {
        let mut here = 0;
        for query in &queries {
            let got = verdict(query);
            // What Tempo parses and does not run may be run here.
            let is_right = if group == "unsupported" { got != "parse_fails" } else { got == group };
            if is_right {
                here += 1;
            } else {
                println!("  {group}: {query} -> {got} {:?}", parse(query).and_then(|q| validate(&q)).err());
            }
        }
        println!("traceql corpus: {group} {here} of {}", queries.len());
        right += here;
        total += queries.len();
    }
    println!("traceql corpus: {right} of {total}");
    assert!(right >= BASELINE, "score {right} fell below {BASELINE}");
}
