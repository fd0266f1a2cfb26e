//! The pages of the knowledge base, and their names in a wiki, which knows no folders.

use std::{collections::BTreeMap, path::Path};

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::infra::folder;

/// Where the knowledge base lies, from the project's root.
const FOLDER: &str = "runbooks";
/// Names that a wiki gives a meaning of its own, in small letters.
const RESERVED: [&str; 4] = ["home", "_sidebar", "_footer", "_header"];

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// From the project's root: `runbooks/guides/on-call.md`.
    pub path: String,
    /// Folder below the knowledge base, empty for its own pages: `guides`.
    pub folder: String,
    /// In the wiki, without ending: `on-call`.
    pub name: String,
    /// Its first heading, or its name.
    pub title: String,
    pub text: String,
}

/// All pages, by path.
pub fn read(root: &Path) -> Result<Vec<Page>, String> {
    let base = root.join(FOLDER);
    let mut pages = Vec::new();
    for file in folder::files(&base, ".md")? {
        let below = file.strip_prefix(&base).map_err(|e| e.to_string())?.to_string_lossy().into_owned();
        let text = folder::read(&file)?;
        let stem = below.trim_end_matches(".md");
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        pages.push(Page {
            path: format!("{FOLDER}/{below}"),
            folder: folder.to_owned(),
            name: name.to_owned(),
            title: title(&text).unwrap_or_else(|| name.to_owned()),
            text,
        });
    }
    if pages.is_empty() {
        return Err(format!("{}: no page", base.display()));
    }
    name_apart(&mut pages)?;
    Ok(pages)
}

/// Names of several pages, and a wiki's own, get the folder in front. Wikis take big and small letters for the same.
fn name_apart(pages: &mut [Page]) -> Result<(), String> {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for page in pages.iter() {
        *uses.entry(page.name.to_lowercase()).or_default() += 1;
    }
    for page in pages.iter_mut() {
        let plain = page.name.to_lowercase();
        if uses.get(&plain).is_some_and(|n| *n > 1) || RESERVED.contains(&plain.as_str()) {
            let folder = if page.folder.is_empty() { FOLDER } else { &page.folder };
            page.name = format!("{}-{}", folder.replace('/', "-"), page.name);
        }
    }
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    for page in pages.iter() {
        if let Some(other) = taken.insert(page.name.to_lowercase(), &page.path) {
            return Err(format!("{other} and {} would both be the page '{}'", page.path, page.name));
        }
    }
    Ok(())
}

fn title(text: &str) -> Option<String> {
    let mut words: Option<String> = None;
    for event in Parser::new(text) {
        match (event, &mut words) {
            (Event::Start(Tag::Heading { .. }), _) => words = Some(String::new()),
            (Event::Text(part) | Event::Code(part), Some(words)) => words.push_str(&part),
            (Event::End(TagEnd::Heading(_)), _) => return words,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let at = dir.path().join(FOLDER).join(path);
            folder::make(at.parent().unwrap()).unwrap();
            folder::write(&at, text).unwrap();
        }
        dir
    }

    #[test]
    fn page_is_named_by_its_file_and_titled_by_its_heading() {
        let dir = tree(&[("guides/on-call.md", "# On `call`: first\n\n## Then\n"), ("bare.md", "words")]);
        let pages = read(dir.path()).unwrap();
        let seen: Vec<_> = pages.iter().map(|p| (&*p.path, &*p.folder, &*p.name, &*p.title)).collect();
        let wanted = [
            ("runbooks/bare.md", "", "bare", "bare"),
            ("runbooks/guides/on-call.md", "guides", "on-call", "On call: first"),
        ];
        assert_eq!(seen, wanted);
    }

    #[test]
    fn names_that_clash_get_their_folder_in_front() {
        let dir = tree(&[("alerts/Restore.md", "a"), ("guides/restore.md", "g"), ("guides/home.md", "h")]);
        let names: Vec<_> = read(dir.path()).unwrap().into_iter().map(|p| p.name).collect();
        assert_eq!(names, ["alerts-Restore", "guides-home", "guides-restore"]);
    }

    #[test]
    fn names_that_still_clash_are_refused() {
        let dir = tree(&[("a/x.md", ""), ("b/x.md", ""), ("b/a-x.md", "")]);
        let error = read(dir.path()).unwrap_err();
        assert!(error.contains("runbooks/a/x.md") && error.contains("runbooks/b/a-x.md"), "{error}");
    }
}
