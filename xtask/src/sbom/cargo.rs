//! Crates that are linked into programs of this workspace.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde::Deserialize;

use super::Part;

/// The platform that images and packages are built for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The fields of `cargo metadata` that are needed.
#[derive(Deserialize)]
pub struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    /// None for crates of this workspace.
    source: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// `dev`, `build`, or nothing for what is linked.
    kind: Option<String>,
}

/// What programs are made of.
#[derive(Debug)]
pub struct Linked {
    /// Of the first program.
    pub version: String,
    /// Package URLs of the crates that have the programs.
    pub roots: Vec<String>,
    /// All crates, those included.
    pub parts: Vec<Part>,
}

pub fn metadata(root: &Path) -> Result<Metadata, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", TARGET])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))
}

pub fn linked(metadata: &Metadata, lock: &str, programs: &[String]) -> Result<Linked, String> {
    let packages: BTreeMap<&str, &Package> = metadata.packages.iter().map(|p| (p.id.as_str(), p)).collect();
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|n| (n.id.as_str(), n)).collect();
    let mut roots = Vec::new();
    for program in programs {
        let has = |package: &&Package| {
            package.source.is_none()
                && package.targets.iter().any(|t| t.name == *program && t.kind.iter().any(|k| k == "bin"))
        };
        roots.push(
            metadata
                .packages
                .iter()
                .find(has)
                .ok_or_else(|| format!("no crate here has a program {program}"))?,
        );
    }
    let checksums = checksums(lock);
    let (mut waiting, mut seen) = (roots.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), BTreeSet::new());
    let mut parts = Vec::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else {
            return Err(format!("cargo metadata does not describe {id}"));
        };
        let linked = node.deps.iter().filter(|d| d.dep_kinds.iter().any(|k| k.kind.is_none()));
        let needed: Vec<&str> = linked.map(|d| d.pkg.as_str()).collect();
        let mut needs: Vec<String> =
            needed.iter().filter_map(|id| packages.get(id)).map(|p| purl(p)).collect();
        needs.sort();
        needs.dedup();
        parts.push(Part {
            purl: purl(package),
            name: package.name.clone(),
            version: package.version.clone(),
            license: package.license.clone(),
            sha256: checksums
                .get(&(package.name.as_str(), package.version.as_str()))
                .map(|c| (*c).to_owned()),
            needs,
        });
        waiting.extend(needed);
    }
    let version = roots.first().map(|r| r.version.clone()).unwrap_or_default();
    Ok(Linked { version, roots: roots.iter().map(|r| purl(r)).collect(), parts })
}

fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version.replace('+', "%2B"))
}

/// Name and version to checksum. A lock file is written by cargo alone, always in this form.
fn checksums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    let field = |block: &'_ str, key: &str| -> Option<std::ops::Range<usize>> {
        let begin = block.find(&format!("\n{key} = \""))? + key.len() + 5;
        Some(begin..begin + block[begin..].find('"')?)
    };
    let blocks = lock.split("[[package]]").skip(1);
    blocks
        .filter_map(|block| {
            let (name, version) = (&block[field(block, "name")?], &block[field(block, "version")?]);
            Some(((name, version), &block[field(block, "checksum")?]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "packages": [
            {"id": "app", "name": "app", "version": "0.1.0", "license": null, "source": null,
             "targets": [{"name": "app", "kind": ["lib"]}, {"name": "program", "kind": ["bin"]}]},
            {"id": "used", "name": "used", "version": "1.0.0+4", "license": "MIT", "source": "registry", "targets": []},
            {"id": "deep", "name": "deep", "version": "2.0.0", "license": "MIT OR Apache-2.0", "source": "registry", "targets": []},
            {"id": "tests", "name": "tests", "version": "1.0.0", "license": "MIT", "source": "registry",
             "targets": [{"name": "program", "kind": ["bin"]}]}
        ],
        "resolve": {"nodes": [
            {"id": "app", "deps": [
                {"pkg": "used", "dep_kinds": [{"kind": null}]},
                {"pkg": "tests", "dep_kinds": [{"kind": "dev"}]}]},
            {"id": "used", "deps": [{"pkg": "deep", "dep_kinds": [{"kind": "build"}, {"kind": null}]}]},
            {"id": "deep", "deps": []},
            {"id": "tests", "deps": []}
        ]}
    }"#;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"used\"\nversion = \"1.0.0+4\"\nsource = \"registry\"\nchecksum = \"ab12\"\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n";

    #[test]
    fn what_is_linked_is_listed_and_what_only_tests_need_is_not() {
        let metadata: Metadata = serde_json::from_str(METADATA).unwrap();
        let linked = linked(&metadata, LOCK, &["program".to_owned()]).unwrap();
        assert_eq!(linked.roots, ["pkg:cargo/app@0.1.0"]);
        let mut purls: Vec<&str> = linked.parts.iter().map(|p| p.purl.as_str()).collect();
        purls.sort_unstable();
        assert_eq!(purls, ["pkg:cargo/app@0.1.0", "pkg:cargo/deep@2.0.0", "pkg:cargo/used@1.0.0%2B4"]);
        let used = linked.parts.iter().find(|p| p.name == "used").unwrap();
        assert_eq!(used.sha256.as_deref(), Some("ab12"));
        assert_eq!(used.needs, ["pkg:cargo/deep@2.0.0"]);
    }

    #[test]
    fn a_program_of_a_dependency_is_not_one_of_ours() {
        let metadata: Metadata = serde_json::from_str(METADATA).unwrap();
        assert!(linked(&metadata, LOCK, &["tests".to_owned()]).unwrap_err().contains("tests"));
    }
}
