//! All books of the platform against each other, as `make check-invariants` compares them.

use crate::{Outcome, local::Platform};

/// Fails with every disagreement; shows how much was looked at, so that an empty proof is seen.
pub async fn agree(p: &Platform) -> Outcome {
    let report = p.xtask(&["check-invariants"]).await?;
    for line in report.lines() {
        println!("  books: {line}");
    }
    Ok(())
}
