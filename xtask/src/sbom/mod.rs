//! `xtask sbom`: what a program and the image around it are made of, as a CycloneDX 1.6 document.
//!
//! Crates come from `cargo metadata` (what is linked: no development and no build dependencies) with the checksums of
//! Cargo.lock, packages of the base from the list that `packaging/base.sh` writes. The same inputs give the same bytes.

mod cargo;
mod cyclonedx;
mod debian;

use std::path::PathBuf;

use clap::Args;

use crate::platform::layout::repository_root;

#[derive(Args)]
pub struct Order {
    /// The programs inside: `shop-orders`, `quarterdeck`.
    #[arg(required = true)]
    programs: Vec<String>,
    /// What the document describes, when it is not the one program: `console`.
    #[arg(long)]
    name: Option<String>,
    /// A list of Debian packages: name, version, architecture and source, with tabs between.
    #[arg(long)]
    packages: Option<PathBuf>,
    /// Seconds since 1970.
    #[arg(long, env = "SOURCE_DATE_EPOCH")]
    epoch: i64,
}

/// Something that a document lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// A package URL: `pkg:cargo/serde@1.0.228`.
    pub purl: String,
    pub name: String,
    pub version: String,
    /// An SPDX expression, where its author wrote one.
    pub license: Option<String>,
    pub sha256: Option<String>,
    /// Package URLs of what it needs itself.
    pub needs: Vec<String>,
}

/// Prints the document.
pub fn run(order: &Order) -> Result<(), String> {
    let root = repository_root()?;
    let metadata = cargo::metadata(&root)?;
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).map_err(|e| format!("Cargo.lock: {e}"))?;
    let linked = cargo::linked(&metadata, &lock, &order.programs)?;
    let mut parts = linked.parts;
    if let Some(file) = &order.packages {
        let list = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        parts.extend(debian::parts(&list).map_err(|e| format!("{}: {e}", file.display()))?);
    }
    let name = order.name.as_deref().unwrap_or(&order.programs[0]);
    print!("{}", cyclonedx::document(name, &linked.version, order.epoch, &linked.roots, parts)?);
    Ok(())
}
