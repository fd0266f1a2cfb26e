//! The folder that a wiki is written to. A list in it says which files are this program's; nothing else is ever touched.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    path::Path,
};

/// The list, a name a line.
const LIST: &str = ".made-by-xtask-wiki";
/// A clone of a wiki has it before the first page is there.
const GIT: &str = ".git";

/// Writes the files, `(name, text)`, and removes those of an earlier run that are no more. How many were removed.
pub fn write(dir: &Path, files: &[(String, String)]) -> Result<usize, String> {
    let fail = |e: std::io::Error| format!("{}: {e}", dir.display());
    fs::create_dir_all(dir).map_err(fail)?;
    let old = ours(dir)?;
    let new: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(name) =
        new.iter().find(|name| !old.contains(**name) && dir.join(name).symlink_metadata().is_ok())
    {
        return Err(format!("{}: '{name}' is there and was not written by this program", dir.display()));
    }
    // Before a file is written, so that one of a run that is cut short is known to the next.
    put(dir, LIST, &listed(old.iter().map(String::as_str).chain(new.iter().copied())))?;
    for (name, text) in files {
        put(dir, name, text)?;
    }
    let gone: Vec<&String> = old.iter().filter(|name| !new.contains(name.as_str())).collect();
    for name in &gone {
        remove(dir, name)?;
    }
    put(dir, LIST, &listed(new.iter().copied()))?;
    Ok(gone.len())
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: BTreeSet<&str> = names.collect();
    names.into_iter().fold(String::new(), |list, name| list + name + "\n")
}

/// What an earlier run wrote; nothing in an empty folder. Any other folder is refused.
fn ours(dir: &Path) -> Result<BTreeSet<String>, String> {
    let fail = |e: std::io::Error| format!("{}: {e}", dir.display());
    match fs::read_to_string(dir.join(LIST)) {
        Ok(list) => list
            .lines()
            .map(|name| {
                let plain =
                    !name.contains(['/', '\\']) && Path::new(name).extension().is_some_and(|e| e == "md");
                plain
                    .then(|| name.to_owned())
                    .ok_or_else(|| format!("{}: '{name}' is no file's name", dir.join(LIST).display()))
            })
            .collect(),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            for entry in fs::read_dir(dir).map_err(fail)? {
                let name = entry.map_err(fail)?.file_name();
                if name != GIT {
                    let name = name.to_string_lossy();
                    return Err(format!(
                        "{}: has '{name}' and was not made by this program: give an empty folder",
                        dir.display()
                    ));
                }
            }
            Ok(BTreeSet::new())
        }
        Err(e) => Err(fail(e)),
    }
}

/// A new file in the place of an old one: a link that stands there is replaced, not followed.
fn put(dir: &Path, name: &str, text: &str) -> Result<(), String> {
    remove(dir, name)?;
    let path = dir.join(name);
    let fail = |e: std::io::Error| format!("{}: {e}", path.display());
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(fail)?
        .write_all(text.as_bytes())
        .map_err(fail)
}

fn remove(dir: &Path, name: &str) -> Result<(), String> {
    match fs::remove_file(dir.join(name)) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(format!("{}: {e}", dir.join(name).display())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<(String, String)> {
        names.iter().map(|name| ((*name).to_owned(), format!("text of {name}"))).collect()
    }

    fn names(dir: &Path) -> BTreeSet<String> {
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn pages_that_are_no_more_go_and_what_people_wrote_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(GIT)).unwrap();
        assert_eq!(write(dir.path(), &files(&["Home.md", "old.md"])).unwrap(), 0);
        fs::write(dir.path().join("mine.md"), "by hand").unwrap();
        assert_eq!(write(dir.path(), &files(&["Home.md", "new.md"])).unwrap(), 1);
        let wanted = [GIT, LIST, "Home.md", "mine.md", "new.md"].map(str::to_owned);
        assert_eq!(names(dir.path()), BTreeSet::from(wanted));
        let error = write(dir.path(), &files(&["mine.md"])).unwrap_err();
        assert!(error.contains("'mine.md'"), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join("mine.md")).unwrap(), "by hand");
    }

    #[test]
    fn folder_of_somebody_else_is_refused_untouched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Home.md"), "by hand").unwrap();
        let error = write(dir.path(), &files(&["Home.md"])).unwrap_err();
        assert!(error.contains("not made by this program"), "{error}");
        assert_eq!(names(dir.path()), BTreeSet::from(["Home.md".to_owned()]));
        assert_eq!(fs::read_to_string(dir.path().join("Home.md")).unwrap(), "by hand");
    }

    #[test]
    fn nothing_outside_is_touched_by_a_list_or_a_link() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let target = outside.path().join("kept.md");
        fs::write(&target, "kept").unwrap();
        write(dir.path(), &files(&["Home.md"])).unwrap();
        fs::remove_file(dir.path().join("Home.md")).unwrap();
        std::os::unix::fs::symlink(&target, dir.path().join("Home.md")).unwrap();
        write(dir.path(), &files(&["Home.md"])).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        fs::write(dir.path().join(LIST), format!("{}\n", target.display())).unwrap();
        assert!(write(dir.path(), &files(&["Home.md"])).unwrap_err().contains("is no file's name"));
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
    }
}
