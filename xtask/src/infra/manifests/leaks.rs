//! gitleaks over every folder of the tree: what looks like a key or a token and lies in git.

use std::fs;

use crate::infra::{Outcome, Tree, program};

const CONFIGURATION: &str = "xtask/tools/gitleaks/gitleaks.toml";
/// What builds and runs leave in a checkout.
const LEFT: [&str; 2] = ["target", "node_modules"];

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let (mut count, mut found) = (0, Vec::new());
    for entry in fs::read_dir(&tree.root).map_err(|e| format!("{}: {e}", tree.root.display()))? {
        let entry = entry.map_err(|e| e.to_string())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Links lead to what was looked at already.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder || name.starts_with('.') || LEFT.contains(&name.as_str()) {
            continue;
        }
        count += 1;
        let mut command = program::command("gitleaks")?;
        command.args([
            "dir",
            "--no-banner",
            "--no-color",
            "--redact",
            "--verbose",
            "--log-level",
            "error",
            "--config",
        ]);
        command.arg(tree.root.join(CONFIGURATION)).arg(entry.path());
        if let Err(message) = program::output(&mut command) {
            let shown =
                message.lines().filter(|l| ["RuleID:", "File:", "Line:"].iter().any(|w| l.starts_with(w)));
            let shown: Vec<&str> = shown.collect();
            found.push(if shown.is_empty() { message } else { format!("{name}: {}", shown.join(" ")) });
        }
    }
    if found.is_empty() { Ok(Outcome::Passed(format!("{count} folders"))) } else { Err(found.join("\n")) }
}
