//! All books of the platform against each other and against what shoppers were told, as `make check-invariants` does.

use crate::{Outcome, local::Platform};

/// Fails with every disagreement, without any order, and while anything waits for a person; shows how much was looked at,
/// so that an empty proof is seen.
pub async fn agree(p: &Platform) -> Outcome {
    check(p, &["check-invariants", "--orders", "1", "--need-a-person", "0"]).await
}

/// As [`agree`]; and each of these orders, by number, is there, confirmed and paid once.
pub async fn hold_what_was_told(p: &Platform, numbers: &[String]) -> Outcome {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), numbers.join("\n"))?;
    let (orders, path) = (numbers.len().max(1).to_string(), file.path().display().to_string());
    let told = ["--orders", &orders, "--need-a-person", "0", "--acknowledged", &path];
    check(p, &[&["check-invariants"], &told[..]].concat()).await
}

async fn check(p: &Platform, order: &[&str]) -> Outcome {
    let report = p.xtask(order).await?;
    for line in report.lines() {
        println!("  books: {line}");
    }
    Ok(())
}
