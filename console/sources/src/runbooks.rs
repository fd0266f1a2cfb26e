//! Runbooks from a folder of markdown files, read anew when they change.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use console_model::runbook::{Runbook, RunbookEntry};
use console_storage::{SourceError, file::read_text, source::RunbooksSource};
use parking_lot::Mutex;

use crate::markdown;

const REREAD_AFTER: Duration = Duration::from_secs(2);
const MAX_PAGES: usize = 2000;
const MAX_PAGE_BYTES: u64 = 1 << 20;
const MAX_DEPTH: usize = 6;
const EXCERPT_CHARS: usize = 160;

struct Page {
    runbook: Runbook,
    text: String,
    lead: String,
}

type Pages = Arc<BTreeMap<String, Page>>;

/// The knowledge base on disk.
pub struct RunbooksFolder {
    folder: PathBuf,
    pages: Mutex<Option<(Instant, Pages)>>,
}

impl RunbooksFolder {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), pages: Mutex::new(None) }
    }

    async fn pages(&self) -> Result<Pages, SourceError> {
        if let Some((at, pages)) = self.pages.lock().as_ref()
            && at.elapsed() < REREAD_AFTER
        {
            return Ok(pages.clone());
        }
        let folder = self.folder.clone();
        let pages = tokio::task::spawn_blocking(move || read_all(&folder))
            .await
            .map_err(|e| SourceError::Internal(format!("reading runbooks was cut off: {e}")))??;
        let pages = Arc::new(pages);
        *self.pages.lock() = Some((Instant::now(), pages.clone()));
        Ok(pages)
    }
}

fn read_all(folder: &Path) -> Result<BTreeMap<String, Page>, SourceError> {
    let mut files = Vec::new();
    walk(folder, 0, &mut files).map_err(|e| SourceError::Unavailable {
        backend: format!("runbooks folder {}", folder.display()),
        reason: e.to_string(),
    })?;
    let mut pages = BTreeMap::new();
    for file in files {
        let Ok(below) = file.strip_prefix(folder) else { continue };
        let slug = below.with_extension("").to_string_lossy().replace('\\', "/");
        // A page that cannot be read is left out; the others stay.
        let Ok(markdown) = read_text(&file, MAX_PAGE_BYTES) else { continue };
        let parent = slug.rsplit_once('/').map_or("", |(p, _)| p);
        let rendered = markdown::render(&markdown, parent);
        let name = slug.rsplit('/').next().unwrap_or(&slug).to_owned();
        let title = rendered.title.unwrap_or(name);
        let runbook = Runbook { slug: slug.clone(), title, html: rendered.html, markdown };
        pages.insert(slug, Page { runbook, text: rendered.text, lead: rendered.lead });
    }
    Ok(pages)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(&path, depth + 1, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|e| e == "md") && files.len() < MAX_PAGES {
            files.push(path);
        }
    }
    Ok(())
}

fn entry(page: &Page, around: Option<usize>) -> RunbookEntry {
    RunbookEntry {
        slug: page.runbook.slug.clone(),
        title: page.runbook.title.clone(),
        excerpt: match around {
            Some(at) => excerpt(&page.text, at),
            None => excerpt(&page.lead, 0),
        },
    }
}

fn excerpt(text: &str, around: usize) -> String {
    let start = around.saturating_sub(EXCERPT_CHARS / 3);
    let start = (start..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or_default();
    let cut: String = text[start..].chars().take(EXCERPT_CHARS).collect();
    let before = if start > 0 { "… " } else { "" };
    let after = if start + cut.len() < text.len() { " …" } else { "" };
    format!("{before}{}{after}", cut.trim())
}

/// All words must be there; a word in the title counts more than one in the text.
fn score(page: &Page, words: &[String]) -> Option<(u32, usize)> {
    let (title, text) = (page.runbook.title.to_lowercase(), page.text.to_lowercase());
    let slug = page.runbook.slug.to_lowercase();
    let (mut total, mut first) = (0, None);
    for word in words {
        let found = text.find(word.as_str());
        let in_title = title.contains(word.as_str()) || slug.contains(word.as_str());
        if found.is_none() && !in_title {
            return None;
        }
        total += 10 * u32::from(in_title) + text.matches(word.as_str()).count().min(9) as u32;
        first = first.or(found);
    }
    Some((total, first.unwrap_or_default()))
}

#[async_trait]
impl RunbooksSource for RunbooksFolder {
    async fn list(&self) -> Result<Vec<RunbookEntry>, SourceError> {
        Ok(self.pages().await?.values().map(|p| entry(p, None)).collect())
    }

    async fn search(&self, query: &str) -> Result<Vec<RunbookEntry>, SourceError> {
        let words: Vec<String> =
            query.to_lowercase().split_whitespace().take(16).map(str::to_owned).collect();
        if words.is_empty() {
            return self.list().await;
        }
        let pages = self.pages().await?;
        let mut hits: Vec<(u32, usize, &Page)> =
            pages.values().filter_map(|p| score(p, &words).map(|(s, at)| (s, at, p))).collect();
        hits.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.2.runbook.slug.cmp(&b.2.runbook.slug)));
        Ok(hits.into_iter().map(|(_, at, p)| entry(p, Some(at))).collect())
    }

    async fn get(&self, slug: &str) -> Result<Option<Runbook>, SourceError> {
        Ok(self.pages().await?.get(slug.trim_matches('/')).map(|p| p.runbook.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("alerts")).unwrap();
        fs::write(
            dir.path().join("alerts/PaymentFailures.md"),
            "# Payment failures\n\nThe provider declines.",
        )
        .unwrap();
        fs::write(
            dir.path().join("alerts/ServiceDown.md"),
            "# Service down\n\nNobody answers; payment waits.",
        )
        .unwrap();
        dir
    }

    #[tokio::test]
    async fn a_word_in_the_title_comes_first() {
        let dir = folder();
        let found = RunbooksFolder::new(dir.path()).search("payment").await.unwrap();
        let slugs: Vec<&str> = found.iter().map(|e| e.slug.as_str()).collect();
        assert_eq!(slugs, ["alerts/PaymentFailures", "alerts/ServiceDown"]);
    }

    #[tokio::test]
    async fn a_slug_never_leaves_the_folder() {
        let dir = folder();
        let source = RunbooksFolder::new(dir.path());
        assert!(source.get("alerts/ServiceDown").await.unwrap().is_some());
        assert!(source.get("../../etc/passwd").await.unwrap().is_none());
    }

    #[test]
    fn excerpts_cut_between_characters() {
        assert_eq!(excerpt("ää öö", 1), "ää öö");
    }
}
