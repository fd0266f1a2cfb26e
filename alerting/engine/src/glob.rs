//! Paths with `*` and `?` in the last component.

use std::path::{Path, PathBuf};

/// The files that a pattern names, sorted. A pattern without wildcards names itself, whether or not it exists.
pub(crate) fn expand(pattern: &str) -> Vec<PathBuf> {
    let path = Path::new(pattern);
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if !name.contains(['*', '?']) {
        return vec![path.to_owned()];
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found: Vec<PathBuf> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|e| matches(&name, &e.file_name().to_string_lossy()) && e.path().is_file())
        .map(|e| e.path())
        .collect();
    found.sort();
    found
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            name.char_indices().map(|(i, _)| i).chain([name.len()]).any(|i| matches(rest, &name[i..]))
        }
        Some(p) => {
            let mut chars = name.chars();
            chars.next().is_some_and(|c| p == '?' || p == c)
                && matches(&pattern[p.len_utf8()..], chars.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn wildcards_match_within_a_name() {
        assert!(super::matches("*.yml", "shop.yml") && super::matches("a?c*", "abc"));
        assert!(!super::matches("*.yml", "shop.yaml") && !super::matches("?", ""));
    }
}
