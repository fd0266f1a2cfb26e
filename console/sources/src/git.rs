//! Deploys from a local clone, through the `git` program: no library reads every repository that git does.

use std::{path::PathBuf, process::Stdio, time::Duration, time::Instant};

use async_trait::async_trait;
use console_model::deploy::{DeclaredVersion, DeployCommit};
use console_storage::{SourceError, source::DeploysSource};
use parking_lot::Mutex;

use crate::manifests;

const TIMEOUT: Duration = Duration::from_secs(5);
const CACHE: Duration = Duration::from_secs(5);
const MAX_COMMITS: usize = 500;
const MAX_OUTPUT_BYTES: usize = 2 << 20;
const MAX_MANIFESTS: usize = 2000;
/// Between fields and between commits: bytes that no commit message holds.
const FIELD: char = '\u{1f}';
const RECORD: char = '\u{1e}';

/// The history of one folder of a local repository.
pub struct GitDeploys {
    repository: PathBuf,
    folder: String,
    history: Mutex<Option<(Instant, usize, Vec<DeployCommit>)>>,
}

impl GitDeploys {
    pub fn new(repository: impl Into<PathBuf>, folder: impl Into<String>) -> Self {
        Self { repository: repository.into(), folder: folder.into(), history: Mutex::new(None) }
    }

    async fn git(&self, args: &[&str]) -> Result<String, SourceError> {
        let unavailable = |reason: String| SourceError::Unavailable {
            backend: format!("git repository {}", self.repository.display()),
            reason,
        };
        let run = tokio::process::Command::new("git")
            .arg("-C")
            .arg(&self.repository)
            .args(["--no-pager", "-c", "core.quotepath=off"])
            .args(args)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(TIMEOUT, run)
            .await
            .map_err(|_| SourceError::Timeout)?
            .map_err(|e| unavailable(format!("git does not start: {e}")))?;
        if !output.status.success() {
            return Err(unavailable(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.len() > MAX_OUTPUT_BYTES {
            let cut = (0..=MAX_OUTPUT_BYTES).rev().find(|i| text.is_char_boundary(*i)).unwrap_or_default();
            text.truncate(cut);
            text.push_str("\n… cut here\n");
        }
        Ok(text)
    }
}

fn commit(record: &str) -> Option<DeployCommit> {
    let (head, files) = record.split_once('\u{1d}')?;
    let mut fields = head.trim_start().split(FIELD);
    let (sha, author, at, subject, body) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let files: Vec<String> =
        files.lines().map(str::trim).filter(|f| !f.is_empty()).map(str::to_owned).collect();
    let mut services: Vec<String> = files.iter().filter_map(|f| manifests::service_of(f)).collect();
    services.sort();
    services.dedup();
    Some(DeployCommit {
        sha: sha.to_owned(),
        author: author.to_owned(),
        at_ms: at.parse::<i64>().ok()? * 1000,
        subject: subject.to_owned(),
        body: body.trim().to_owned(),
        services,
        files,
        url: None,
    })
}

/// Only a full or abbreviated hash reaches git's command line.
fn checked_sha(sha: &str) -> Result<&str, SourceError> {
    if (4..=64).contains(&sha.len()) && sha.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(sha);
    }
    Err(SourceError::Invalid { message: format!("not a commit hash: {sha:?}"), position: None })
}

#[async_trait]
impl DeploysSource for GitDeploys {
    async fn history(&self, limit: usize) -> Result<Vec<DeployCommit>, SourceError> {
        let limit = limit.clamp(1, MAX_COMMITS);
        if let Some((at, held, commits)) = self.history.lock().as_ref()
            && at.elapsed() < CACHE
            && *held >= limit
        {
            return Ok(commits.iter().take(limit).cloned().collect());
        }
        let format = format!("--format={RECORD}%H{FIELD}%an{FIELD}%ct{FIELD}%s{FIELD}%b\u{1d}");
        let count = format!("--max-count={limit}");
        let text = self.git(&["log", &count, &format, "--name-only", "--", &self.folder]).await?;
        let commits: Vec<DeployCommit> = text.split(RECORD).filter_map(commit).collect();
        *self.history.lock() = Some((Instant::now(), limit, commits.clone()));
        Ok(commits)
    }

    async fn diff(&self, sha: &str) -> Result<Option<String>, SourceError> {
        let sha = checked_sha(sha)?;
        if self.git(&["rev-parse", "--verify", "--quiet", &format!("{sha}^{{commit}}")]).await.is_err() {
            return Ok(None);
        }
        self.git(&["show", "--format=", "--no-color", "--no-ext-diff", sha, "--", &self.folder])
            .await
            .map(Some)
    }

    async fn declared_versions(&self) -> Result<Vec<DeclaredVersion>, SourceError> {
        let files = self.git(&["ls-files", "--", &self.folder]).await?;
        let mut found = Vec::new();
        for file in files.lines().filter(|f| manifests::is_yaml(f)).take(MAX_MANIFESTS) {
            // The committed state counts, not what somebody is editing.
            let text = self.git(&["show", &format!("HEAD:{file}")]).await?;
            if text.contains("image:") {
                found.extend(manifests::declared_versions(file, &text));
            }
        }
        found.sort_by(|a, b| a.service.cmp(&b.service));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let identity =
                ["-c", "user.name=Kim", "-c", "user.email=kim@example.com", "-c", "commit.gpgsign=false"];
            let run = std::process::Command::new("git")
                .arg("-C")
                .arg(dir.path())
                .args(identity)
                .args(args)
                .output();
            assert!(run.unwrap().status.success(), "{args:?}");
        };
        git(&["init", "-q"]);
        let base = dir.path().join("gitops/apps/base/orders");
        std::fs::create_dir_all(&base).unwrap();
        let manifest = |tag: &str| {
            let text = format!(
                "kind: Deployment\nmetadata:\n  name: orders\nspec:\n  template:\n    spec:\n      containers:\n        - image: shop-orders:{tag}\n"
            );
            std::fs::write(base.join("deployment.yaml"), text).unwrap();
        };
        manifest("1.0.0");
        git(&["add", "."]);
        git(&["commit", "-qm", "deploy: orders 1.0.0"]);
        std::fs::write(dir.path().join("elsewhere"), "x").unwrap();
        git(&["add", "."]);
        git(&["commit", "-qm", "not a deploy"]);
        manifest("1.1.0");
        git(&["commit", "-qam", "deploy: orders 1.1.0\n\nBecause."]);
        dir
    }

    #[tokio::test]
    async fn history_names_services_and_leaves_other_commits_out() {
        let dir = repository();
        let source = GitDeploys::new(dir.path(), "gitops");
        let history = source.history(10).await.unwrap();
        let subjects: Vec<&str> = history.iter().map(|c| c.subject.as_str()).collect();
        assert_eq!(subjects, ["deploy: orders 1.1.0", "deploy: orders 1.0.0"]);
        assert_eq!(history[0].services, ["orders"]);
        assert_eq!(history[0].body, "Because.");
        let diff = source.diff(&history[0].sha).await.unwrap().unwrap();
        assert!(diff.contains("+        - image: shop-orders:1.1.0"), "{diff}");
        assert_eq!(source.declared_versions().await.unwrap()[0].version, "1.1.0");
    }

    #[tokio::test]
    async fn a_hash_that_is_not_one_never_reaches_git() {
        let dir = repository();
        let source = GitDeploys::new(dir.path(), "gitops");
        assert!(matches!(source.diff("--output=x").await, Err(SourceError::Invalid { .. })));
        assert_eq!(source.diff("0123456789").await.unwrap(), None);
    }

    #[tokio::test]
    async fn no_repository_is_unavailable() {
        let dir = tempfile::tempdir().unwrap();
        let error = GitDeploys::new(dir.path(), "gitops").history(1).await.unwrap_err();
        assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
    }
}
