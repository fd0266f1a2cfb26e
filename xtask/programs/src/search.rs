//! The search: the program's own directories, PATH, and where `make setup` puts programs that come as wheels.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::Program;

/// Where programs may lie.
pub struct Places {
    /// The directories of PATH.
    pub path: Vec<PathBuf>,
    /// Where `make setup` puts programs that come as wheels, or are built from Go modules.
    pub tools: PathBuf,
}

impl Places {
    pub fn of_this_process() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let cache = std::env::var_os("XDG_CACHE_HOME").filter(|c| !c.is_empty()).map(PathBuf::from);
        let home = std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache"));
        let tools = cache.or(home).unwrap_or_default().join("quarterdeck/tools");
        Self { path: std::env::split_paths(&path).collect(), tools }
    }

    /// The first that is there: own directories before PATH, since a wrapper in PATH may choose another version.
    pub fn find(&self, program: &Program) -> Option<PathBuf> {
        let own = program.dirs.iter().flat_map(|d| matching(d));
        let made = [&program.pypi, &program.venv, &program.go].iter().any(|source| !source.is_empty());
        let wheel = made.then(|| self.tools.clone());
        let dirs: Vec<PathBuf> = own.chain(wheel).chain(self.path.iter().cloned()).collect();
        let names = std::iter::once(&program.name).chain(&program.or);
        // An absolute name replaces the directory that it is joined to.
        names.flat_map(|name| dirs.iter().map(move |d| d.join(name))).find(|p| is_program(p))
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// The directories that a pattern with at most one `*` names, the highest version first.
fn matching(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![PathBuf::from(pattern)] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let (suffix, below) = after.split_once('/').unwrap_or((after, ""));
    let names = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<String> = names.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    found.retain(|n| n.starts_with(prefix) && n.ends_with(suffix));
    found.sort_by_key(|name| std::cmp::Reverse(version(name)));
    found.into_iter().map(|name| Path::new(parent).join(name).join(below)).collect()
}

/// The numbers in a name, in their order.
fn version(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn put(path: &Path, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn own_directories_come_before_path_and_the_highest_version_first() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for path in ["path/db", "lib/9/bin/db", "lib/15/bin/db", "lib/16/bin/other"] {
            put(&at(path), 0o755);
        }
        let places = Places { path: vec![at("path")], tools: at("tools") };
        let pattern = at("lib/*/bin").display().to_string();
        let mut program = Program { name: "db".into(), dirs: vec![pattern], ..Program::default() };
        assert_eq!(places.find(&program), Some(at("lib/15/bin/db")));
        program.dirs.clear();
        assert_eq!(places.find(&program), Some(at("path/db")));
    }

    #[test]
    fn other_names_count_and_files_that_cannot_be_started_do_not() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        put(&at("path/browser"), 0o644);
        put(&at("elsewhere/Big Browser"), 0o755);
        put(&at("tools/load"), 0o755);
        let places = Places { path: vec![at("path")], tools: at("tools") };
        let other = at("elsewhere/Big Browser");
        let or = vec!["browse".to_owned(), other.display().to_string()];
        let browser = Program { name: "browser".into(), or, ..Program::default() };
        assert_eq!(places.find(&browser), Some(other));
        let mut wheel = Program { name: "load".into(), pypi: "load==1".into(), ..Program::default() };
        assert_eq!(places.find(&wheel), Some(at("tools/load")));
        wheel.pypi.clear();
        assert_eq!(places.find(&wheel), None);
    }
}
