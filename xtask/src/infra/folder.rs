//! Folders of the tree: listed, copied, and set beside a changed one.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// What programs leave in a checkout, or what is not a file of the project.
const LEFT: [&str; 3] = [".git", ".terraform", "node_modules"];

fn fail(path: &Path) -> impl Fn(std::io::Error) -> String + '_ {
    move |e| format!("{}: {e}", path.display())
}

/// The folders in a folder, by name.
pub fn folders(of: &Path) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(of).map_err(fail(of))? {
        let entry = entry.map_err(fail(of))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !LEFT.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// All files below a folder whose name ends so, by path.
pub fn files(below: &Path, ending: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut waiting = vec![below.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(&dir).map_err(fail(&dir))? {
            let entry = entry.map_err(fail(&dir))?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !LEFT.contains(&name.as_str()) {
                    waiting.push(path);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

pub fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(fail(path))
}

pub fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(fail(path))
}

pub fn make(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(fail(path))
}

/// Copies a folder with everything below it.
pub fn copy(from: &Path, to: &Path) -> Result<(), String> {
    for file in files(from, "")? {
        let at = to.join(file.strip_prefix(from).map_err(|e| e.to_string())?);
        make(at.parent().unwrap_or(to))?;
        fs::copy(&file, &at).map_err(fail(&file))?;
    }
    Ok(())
}

/// A tree like the one at `root`, in which the top-level entry `own` is a copy and everything else a link.
pub fn beside(root: &Path, own: &str, to: &Path) -> Result<(), String> {
    make(to)?;
    for entry in fs::read_dir(root).map_err(fail(root))? {
        let entry = entry.map_err(fail(root))?;
        let (from, at) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() != own {
            symlink(&from, &at).map_err(fail(&at))?;
        } else if from.is_dir() {
            copy(&from, &at)?;
        } else {
            fs::copy(&from, &at).map_err(fail(&from))?;
        }
    }
    Ok(())
}
