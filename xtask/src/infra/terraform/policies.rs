//! Policies: checkov over all of `terraform/`. What it is told to skip stands in `terraform/.checkov.yaml`, each with the
//! reason in the comment before it.

use super::super::{Outcome, Tree, folder, program};

pub fn hold(tree: &Tree) -> Result<Outcome, String> {
    let settings = tree.root.join("terraform/.checkov.yaml");
    let skipped = justified(&folder::read(&settings)?)?;
    let mut checkov = program::command("checkov")?;
    checkov.arg("--config-file").arg(&settings).arg("--directory").arg(tree.root.join("terraform"));
    // It would ask its maker's server for guides.
    checkov
        .args(["--skip-download", "--compact", "--quiet", "--framework", "terraform"])
        .env("LOG_LEVEL", "ERROR");
    all_read(&program::output(&mut checkov)?)?;
    Ok(Outcome::Passed(format!("{skipped} kinds left out, each with its reason")))
}

/// An error where files could not be read, so that nothing of them was judged: checkov says so and ends well.
fn all_read(printed: &str) -> Result<(), String> {
    let unread = printed
        .split_once("Parsing errors: ")
        .map_or("0", |(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
    if unread == "0" {
        return Ok(());
    }
    Err(format!("checkov could not read {unread} files of terraform/, and judged nothing of them\n{printed}"))
}

/// How many checks are skipped; an error for one without a reason.
fn justified(text: &str) -> Result<usize, String> {
    let (mut count, mut reason) = (0, false);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- CKV") {
            if !reason {
                return Err(format!(
                    "terraform/.checkov.yaml skips CKV{name} without a reason in the line before"
                ));
            }
            count += 1;
            reason = false;
        } else {
            reason = line.starts_with('#');
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_checkov_cannot_read_is_not_passed() {
        let summary =
            |more: &str| format!("\nPassed checks: 686, Failed checks: 0, Skipped checks: 0{more}\n\n");
        assert_eq!(all_read(&summary("")), Ok(()));
        assert_eq!(all_read(&summary(", Parsing errors: 0")), Ok(()));
        assert!(all_read(&summary(", Parsing errors: 12")).unwrap_err().contains("read 12 files"));
    }

    #[test]
    fn what_is_skipped_has_a_reason() {
        assert_eq!(justified("skip-check:\n  # because\n  - CKV_AWS_1\n"), Ok(1));
        assert!(
            justified("skip-check:\n  # because\n  - CKV_AWS_1\n  - CKV_AWS_2\n")
                .unwrap_err()
                .contains("AWS_2")
        );
    }
}
