//! Tests that need root's rights, without root.

use std::process::Command;

/// Runs one test of this binary again, as root of a user and mount namespace of its own, and asks that it passed there.
///
/// # Panics
///
/// Where it did not pass, or where it comes here a second time: then this machine gives no such rights.
pub fn repeat_as_root_of_a_namespace(test: &str) {
    const MARK: &str = "TEST_IN_A_NAMESPACE";
    assert!(std::env::var_os(MARK).is_none(), "this machine lets nobody mount in a user namespace");
    let unshare = crate::path("unshare").unwrap_or_else(|missing| panic!("{missing}"));
    let output = Command::new(unshare)
        .args(["--user", "--map-root-user", "--mount", "--"])
        .arg(std::env::current_exe().expect("a process has a program"))
        .args(["--exact", test])
        .env(MARK, "1")
        .output()
        .expect("unshare can be started");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
