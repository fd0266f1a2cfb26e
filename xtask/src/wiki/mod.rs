//! The knowledge base as a GitHub wiki: flat pages, an index, a side bar. Only the given folder is touched, and only files
//! that an earlier run wrote there.

mod contents;
mod export;
mod links;
mod pages;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::platform::layout::repository_root;

#[derive(Args)]
pub struct Order {
    /// The folder to write, a clone of the wiki or an empty one; it may have what an earlier run wrote.
    folder: PathBuf,
    /// Where the repository is seen, for links to what is no page: `https://github.com/your-org/quarterdeck`.
    #[arg(long)]
    repository: String,
    /// The branch that links show.
    #[arg(long, default_value = "main")]
    branch: String,
}

/// Writes the folder, and says how many pages there are.
pub fn run(order: &Order) -> Result<(), String> {
    let site = links::Site::new(&order.repository, &order.branch)?;
    let written = files(&repository_root()?, &site)?;
    let gone = export::write(&order.folder, &written)?;
    println!("{}: {} files, {gone} old ones removed", order.folder.display(), written.len());
    Ok(())
}

/// All files of the wiki of the project at `root`, by name.
fn files(root: &Path, site: &links::Site) -> Result<Vec<(String, String)>, String> {
    let pages = pages::read(root)?;
    let mut written = vec![
        ("Home.md".to_owned(), contents::home(&pages)),
        ("_Sidebar.md".to_owned(), contents::side_bar(&pages)),
    ];
    for page in &pages {
        written.push((format!("{}.md", page.name), links::rewritten(root, page, &pages, site)?));
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    fn wiki() -> Vec<(String, String)> {
        let site = links::Site::new("https://github.com/your-org/quarterdeck/", "main").unwrap();
        files(&root(), &site).unwrap()
    }

    #[test]
    fn no_page_of_the_knowledge_base_is_lost() {
        let all = crate::infra::folder::files(&root().join("runbooks"), ".md").unwrap();
        let written = wiki();
        assert!(all.len() > 50, "{}", all.len());
        assert_eq!(written.len(), all.len() + 2);
        let names: BTreeSet<String> = written.iter().map(|(name, _)| name.to_lowercase()).collect();
        assert_eq!(names.len(), written.len(), "two pages of one name");
        let (home, bar) = (&written[0].1, &written[1].1);
        for (name, _) in &written[2..] {
            let link = format!("]({})", name.trim_end_matches(".md"));
            assert!(home.contains(&link) && bar.contains(&link), "{link} stands in no index");
        }
    }

    #[test]
    fn every_link_of_the_wiki_leads_somewhere() {
        let written = wiki();
        let names: BTreeSet<&str> = written.iter().map(|(name, _)| name.trim_end_matches(".md")).collect();
        let mut seen = 0;
        for (name, text) in &written {
            for target in links::targets(text) {
                seen += 1;
                if let Some(path) = target.strip_prefix("https://github.com/your-org/quarterdeck/") {
                    let path = path.split_once("/main/").unwrap_or_else(|| panic!("{name}: {target}")).1;
                    let path = path.split('#').next().unwrap_or_default();
                    assert!(root().join(path).exists(), "{name}: {target}");
                } else if !target.starts_with('#') && !target.contains("://") {
                    let page = target.split('#').next().unwrap_or_default();
                    assert!(names.contains(page), "{name}: {target}");
                }
            }
        }
        assert!(seen > 2 * names.len(), "{seen} links");
    }
}
