//! The folder with a service's metadata: one file a query, named by the query's hash.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

/// What was done to a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub kept: usize,
    pub written: usize,
    pub removed: usize,
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, written, removed } = self;
        write!(f, "{} queries, {written} written, {removed} removed", kept + written)
    }
}

/// Makes `to` hold the queries of `from` and no other. A file that is right is not touched, so that cargo sees no change.
pub fn replace(from: &Path, to: &Path) -> Result<Changes, String> {
    let fail = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    let fresh = queries(from)?;
    let old = if to.is_dir() { queries(to)? } else { BTreeMap::new() };
    if !fresh.is_empty() {
        fs::create_dir_all(to).map_err(|e| fail(to, e))?;
    }
    let mut changes = Changes::default();
    for (name, path) in &fresh {
        let text = fs::read(path).map_err(|e| fail(path, e))?;
        if old.get(name).is_some_and(|there| fs::read(there).is_ok_and(|t| t == text)) {
            changes.kept += 1;
            continue;
        }
        let place = to.join(name);
        fs::write(&place, text).map_err(|e| fail(&place, e))?;
        changes.written += 1;
    }
    for (_, path) in old.iter().filter(|(name, _)| !fresh.contains_key(*name)) {
        fs::remove_file(path).map_err(|e| fail(path, e))?;
        changes.removed += 1;
    }
    Ok(changes)
}

/// The files of queries, by their names.
fn queries(folder: &Path) -> Result<BTreeMap<String, PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("cannot list {}: {e}", folder.display()))?;
    let named =
        entries.filter_map(Result::ok).map(|e| (e.file_name().to_string_lossy().into_owned(), e.path()));
    let of_a_query =
        |name: &str| name.strip_prefix("query-").is_some_and(|rest| rest.strip_suffix(".json").is_some());
    Ok(named.filter(|(name, _)| of_a_query(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_queries_are_written_and_gone_ones_removed_and_nothing_else_is_touched() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        fs::create_dir(&from).unwrap();
        let put = |folder: &Path, name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        put(&from, "query-a.json", "a");
        put(&from, "query-b.json", "b");
        assert_eq!(replace(&from, &to).unwrap(), Changes { written: 2, ..Changes::default() });

        let written_at = || fs::metadata(to.join("query-a.json")).unwrap().modified().unwrap();
        let first = written_at();
        fs::remove_file(from.join("query-b.json")).unwrap();
        put(&from, "query-c.json", "c");
        put(&to, "README", "kept");
        assert_eq!(replace(&from, &to).unwrap(), Changes { kept: 1, written: 1, removed: 1 });
        assert_eq!(written_at(), first);
        let left: Vec<_> =
            ["README", "query-a.json", "query-b.json", "query-c.json"].map(|n| to.join(n).exists()).into();
        assert_eq!(left, [true, true, false, true]);

        put(&from, "query-a.json", "a, changed");
        replace(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("query-a.json")).unwrap(), "a, changed");
    }

    #[test]
    fn a_service_without_checked_queries_gets_no_folder() {
        let root = tempfile::tempdir().unwrap();
        let to = root.path().join(".sqlx");
        assert_eq!(replace(root.path(), &to).unwrap(), Changes::default());
        assert!(!to.exists());
    }
}
