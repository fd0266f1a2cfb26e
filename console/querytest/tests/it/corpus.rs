//! Runs Prometheus' own scripts where they lie beside the checkout.

use std::path::Path;

use console_querytest::score;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/promql");

/// Evaluations that pass: classic, and with native histograms. Raise them with the score; they must never fall.
const FLOOR: (usize, usize) = (1179, 522);

#[test]
fn the_score_does_not_fall() {
    let folder = Path::new(CORPUS);
    if !folder.is_dir() {
        println!("skipped: {CORPUS} is absent");
        return;
    }
    let scores = score::run_folder(folder).expect("the folder is readable");
    println!("{}", score::table(&scores));
    let (classic, _) = score::total(&scores, |s| !s.is_native());
    let (native, _) = score::total(&scores, score::FileScore::is_native);
    assert!(
        classic >= FLOOR.0 && native >= FLOOR.1,
        "{classic} classic and {native} native evaluations pass, the floor is {FLOOR:?}\n{}",
        score::failures(&scores)
    );
}
