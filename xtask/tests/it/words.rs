//! Unfinished work does not land.

use std::process::Command;

#[test]
fn no_unfinished_code_and_no_ignored_tests() {
    let markers = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore]"),
        concat!("FIX", "ME"),
    ];
    for marker in markers {
        let found = Command::new(xtask_programs::path("git").unwrap())
            .args(["grep", "-nF", marker, "--", "*.rs"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .output()
            .expect("git runs");
        assert!(found.stdout.is_empty(), "{}", String::from_utf8_lossy(&found.stdout));
    }
}
