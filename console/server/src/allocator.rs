//! How soon memory that is free goes back to the system.

use std::{ffi::OsStr, os::unix::process::CommandExt, process::Command};

/// mimalloc reads its options from the environment, before `main`.
const OPTION: &str = "MIMALLOC_PURGE_DELAY";
/// Milliseconds. By default it is a second: what a burst of writes or a flush frees is touched again before that, and an
/// eighth of the memory is never given back. Much less costs processor time at each free.
const DELAY_MS: &str = "100";

/// Starts this program anew in its place, with the option set, unless the environment has it. Where that is not possible
/// the program goes on without.
pub fn give_memory_back_soon() {
    if std::env::var_os(OPTION).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let name = arguments.next();
    let mut command = Command::new(&program);
    command.arg0(name.as_deref().unwrap_or(OsStr::new("console-server")));
    // Returns only where it failed.
    let _ = command.args(arguments).env(OPTION, DELAY_MS).exec();
}
