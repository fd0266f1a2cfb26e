//! The test of the test: each known mistake, planted into a copy of the tree, must be caught by the check that is there
//! for it, and for its reason. An edit that no longer applies is an error of the table.

mod container;
mod edit;
mod jenkinsfile;
mod manifests;
mod observability;
mod terraform;

use super::{Check, Outcome, Tree, checks, chosen, folder, in_parallel};

pub use edit::Edit;

pub struct Planted {
    /// What somebody did wrong, in a few words.
    pub name: &'static str,
    /// Below the root.
    pub file: &'static str,
    pub edit: Edit,
    /// The name of the check that must fail.
    pub check: &'static str,
    /// What its message must contain, so that it fails for this mistake and no other.
    pub says: &'static str,
}

fn all() -> Vec<Planted> {
    let mut all = terraform::mistakes();
    all.extend(manifests::mistakes());
    all.extend(observability::mistakes());
    all.extend(container::mistakes());
    all.extend(jenkinsfile::mistakes());
    all
}

pub fn run(tree: &Tree, only: &[String]) -> Result<(), String> {
    let checks = checks(tree)?;
    let mut mistakes = all();
    mistakes.retain(|mistake| chosen(only, mistake.name) || chosen(only, mistake.check));
    let names: Vec<&str> = mistakes.iter().map(|mistake| mistake.name).collect();
    let failed = in_parallel(&names, |number| caught(tree, &checks, &mistakes[number]));
    println!("{} planted mistakes, {failed} not caught", mistakes.len());
    if failed == 0 { Ok(()) } else { Err(format!("{failed} planted mistakes were not caught")) }
}

/// Passes when the check fails as it should.
fn caught(tree: &Tree, checks: &[Check], mistake: &Planted) -> Result<Outcome, String> {
    let Planted { file, check, says, .. } = mistake;
    let check =
        checks.iter().find(|c| c.name == *check).ok_or_else(|| format!("no check is called {check}"))?;
    let text =
        mistake.edit.apply(&folder::read(&tree.root.join(file))?).map_err(|e| format!("{file}: {e}"))?;
    let place = tempfile::tempdir().map_err(|e| e.to_string())?;
    let changed = Tree { root: place.path().to_owned(), shared: tree.shared.clone() };
    let top = file.split('/').next().unwrap_or(file);
    folder::beside(&tree.root, top, &changed.root)?;
    folder::write(&changed.root.join(file), &text)?;
    match (check.run)(&changed) {
        Err(message) if message.contains(says) => Ok(Outcome::Passed(format!("caught by {}", check.name))),
        Err(message) => Err(format!("{} fails, but says nothing of {says:?}:\n{message}", check.name)),
        Ok(Outcome::LeftOut(absent)) => Ok(Outcome::LeftOut(absent)),
        Ok(Outcome::Passed(detail)) => Err(format!("{} passes all the same ({detail})", check.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::layout::repository_root;

    #[test]
    fn every_mistake_can_still_be_made_and_has_a_check_of_that_name() {
        let root = repository_root().unwrap();
        let tree = Tree { shared: root.join("../shared"), root };
        let checks = checks(&tree).unwrap();
        for Planted { name, file, edit, check, .. } in all() {
            let text = folder::read(&tree.root.join(file)).unwrap();
            edit.apply(&text).unwrap_or_else(|e| panic!("{name}: {file}: {e}"));
            assert!(checks.iter().any(|c| c.name == check), "{name}: no check is called {check}");
        }
    }
}
