//! Runs the scripts of `cases/`: all of them pass.

use std::path::Path;

use console_querytest::run;

#[test]
fn every_case_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut evaluations = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder is there") {
        let file = entry.expect("an entry").path();
        let script = std::fs::read_to_string(&file).expect("a script");
        for verdict in run(&script).unwrap_or_else(|e| panic!("{}: {e}", file.display())) {
            evaluations += 1;
            assert_eq!(verdict.failure, None, "{}", file.display());
        }
    }
    assert!(evaluations > 0, "no script in {}", folder.display());
}
