//! One run of a listed program, whose output is wanted only when it fails.

use std::process::{Command, Stdio};

/// A command of a listed program, with colours off and nothing to read from.
pub fn command(name: &str) -> Result<Command, String> {
    let mut command = Command::new(xtask_programs::path(name)?);
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    Ok(command)
}

/// Runs it to its end and returns what it printed; a failure is its last lines, of both streams.
pub fn output(command: &mut Command) -> Result<String, String> {
    const SHOWN: usize = 60;
    let ran = command.output().map_err(|e| format!("{}: {e}", command.get_program().display()))?;
    let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
    if ran.status.success() {
        return Ok(printed);
    }
    let both = format!("{}{}", printed, String::from_utf8_lossy(&ran.stderr));
    let lines: Vec<&str> = both.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(format!("{}\n{}", ran.status, lines[lines.len().saturating_sub(SHOWN)..].join("\n")))
}
