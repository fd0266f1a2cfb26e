//! Postgres' own programs: where they lie, and how they are run.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The folder with `postgres`, `initdb`, `pg_basebackup`, `pg_isready`: they come in one package.
pub fn find_binaries() -> Result<PathBuf, String> {
    let postgres = xtask_programs::path("initdb")?;
    // A link on PATH names a program, not its folder.
    let real = postgres.canonicalize().map_err(|e| format!("cannot resolve {}: {e}", postgres.display()))?;
    let folder = real.parent().ok_or_else(|| format!("{} lies nowhere", real.display()))?;
    Ok(folder.to_path_buf())
}

/// A program that works in a node's directory, and the arguments before its own.
pub fn as_user(program: &Path, directory: &Path) -> Result<(PathBuf, Vec<String>), String> {
    let mut words = xtask_programs::unprivileged(directory)?;
    words.push(program.display().to_string());
    let args = words.split_off(1);
    Ok((PathBuf::from(words.remove(0)), args))
}

pub fn run(program: &Path, directory: &Path, args: &[&str]) -> Result<String, String> {
    let (first, before) = as_user(program, directory)?;
    let name = program.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let output = Command::new(&first)
        .args(&before)
        .args(args)
        .env("LC_ALL", "C")
        .output()
        .map_err(|e| format!("cannot run {name}: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
