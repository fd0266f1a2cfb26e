//! As whom a server runs that refuses to be root.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// What goes before the command line of a Postgres program that works in `directory`: nothing for an ordinary user.
///
/// Root becomes the user `postgres` in a user namespace of its own: files keep their owner, and the directory may lie
/// anywhere. Where that is not allowed, the user `postgres` gets the directory, and has to reach it.
pub fn unprivileged(directory: &Path) -> Result<Vec<String>, String> {
    if output("id", &["-u"])? != "0" {
        return Ok(Vec::new());
    }
    // Postgres' programs look their user up: it has to be one that this machine knows.
    let number = |of: &str| {
        output("id", &[of, "postgres"])
            .map_err(|e| format!("Postgres does not run as root, and there is no user postgres: {e}"))
    };
    let (user, group) = (format!("--map-user={}", number("-u")?), format!("--map-group={}", number("-g")?));
    let namespace = ["--user", &user, &group, "--"];
    let works =
        Command::new(crate::path("unshare")?).args(namespace).arg("true").stderr(Stdio::null()).status();
    if works.is_ok_and(|status| status.success()) {
        return prefix("unshare", &namespace);
    }
    output("chown", &["-R", "postgres", &directory.display().to_string()])?;
    prefix("setpriv", &["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"])
}

fn prefix(program: &str, arguments: &[&str]) -> Result<Vec<String>, String> {
    let program = crate::path(program)?.display().to_string();
    Ok(std::iter::once(program).chain(arguments.iter().map(|&word| word.to_owned())).collect())
}

fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let command = || format!("{program} {}", arguments.join(" "));
    let output = Command::new(crate::path(program)?)
        .args(arguments)
        .output()
        .map_err(|e| format!("{}: {e}", command()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(format!("{}: {}", command(), String::from_utf8_lossy(&output.stderr).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_not_root() {
        let directory = tempfile::tempdir().unwrap();
        let mut command = unprivileged(directory.path()).unwrap();
        command.push(crate::path("id").unwrap().display().to_string());
        let output = Command::new(&command[0]).args(&command[1..]).arg("-u").output().unwrap();
        assert!(output.status.success());
        assert_ne!(output.stdout.trim_ascii(), b"0");
    }
}
