//! Seeds from the test data beside the checkout, where it is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora");

/// Bytes above which a file is no seed.
const MAX_BYTES: u64 = 64 << 10;

/// Every file below a folder of the corpora, in order of its path; none where the folder is absent.
pub fn files(folder: &str) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    walk(&Path::new(FOLDER).join(folder), &mut paths);
    paths.sort();
    paths.iter().filter_map(|p| fs::read(p).ok()).collect()
}

fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, out);
        } else if entry.metadata().is_ok_and(|m| m.len() <= MAX_BYTES) {
            out.push(path);
        }
    }
}

/// The expressions of test scripts: what follows the times of an `eval` line.
pub fn evaluated(folder: &str) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let files: Vec<_> = files(folder).into_iter().filter_map(|f| String::from_utf8(f).ok()).collect();
    for line in files.iter().flat_map(|f| f.lines()).filter(|l| l.starts_with("eval")) {
        let words = if line.contains(" range from ") { 8 } else { 4 };
        let expr = line.splitn(words + 1, ' ').last().unwrap_or_default();
        out.push(expr.as_bytes().to_vec());
    }
    out.sort();
    out.dedup();
    out
}

/// The items of lists of quoted YAML strings.
pub fn listed(folder: &str) -> Vec<Vec<u8>> {
    let files: Vec<_> = files(folder).into_iter().filter_map(|f| String::from_utf8(f).ok()).collect();
    let items = files.iter().flat_map(|f| f.lines()).filter_map(|l| l.trim().strip_prefix("- "));
    let unquoted = items.map(|i| i.trim_matches(['\'', '"']).replace("''", "'"));
    unquoted.map(String::into_bytes).collect()
}
