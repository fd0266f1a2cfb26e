//! Deploys from a local clone, through the `git` program: no library reads every repository that git does.

use std::{collections::BTreeMap, path::PathBuf, process::Stdio, time::Duration, time::Instant};

use async_trait::async_trait;
use console_model::deploy::{DeclaredVersion, DeployCommit};
use console_storage::{SourceError, source::DeploysSource};
use parking_lot::Mutex;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    manifests,
    overlays::{self, Declared, Step},
};

const TIMEOUT: Duration = Duration::from_secs(5);
const CACHE: Duration = Duration::from_secs(5);
const MAX_COMMITS: usize = 500;
const MAX_OUTPUT_BYTES: usize = 2 << 20;
const MAX_MANIFEST_BYTES: usize = 1 << 20;
/// Between fields and between commits: bytes that no commit message holds.
const FIELD: char = '\u{1f}';
const RECORD: char = '\u{1e}';

/// The history of one folder of a local repository.
pub struct GitDeploys {
    repository: PathBuf,
    folder: String,
    environment: Option<String>,
    history: Mutex<Option<(Instant, usize, Vec<DeployCommit>)>>,
}

impl GitDeploys {
    pub fn new(repository: impl Into<PathBuf>, folder: impl Into<String>) -> Self {
        Self {
            repository: repository.into(),
            folder: folder.into(),
            environment: None,
            history: Mutex::new(None),
        }
    }

    /// Only what `apps/ENVIRONMENT` declares.
    #[must_use]
    pub fn for_environment(mut self, environment: Option<String>) -> Self {
        self.environment = environment;
        self
    }

    fn unavailable(&self, reason: String) -> SourceError {
        SourceError::Unavailable { backend: format!("git repository {}", self.repository.display()), reason }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.repository).args(["--no-pager", "-c", "core.quotepath=off"]);
        command.kill_on_drop(true);
        command
    }

    async fn git(&self, args: &[&str]) -> Result<String, SourceError> {
        let run = self.command().args(args).stdin(Stdio::null()).output();
        let output = tokio::time::timeout(TIMEOUT, run)
            .await
            .map_err(|_| SourceError::Timeout)?
            .map_err(|e| self.unavailable(format!("git does not start: {e}")))?;
        if !output.status.success() {
            return Err(self.unavailable(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.len() > MAX_OUTPUT_BYTES {
            let cut = (0..=MAX_OUTPUT_BYTES).rev().find(|i| text.is_char_boundary(*i)).unwrap_or_default();
            text.truncate(cut);
            text.push_str("\n… cut here\n");
        }
        Ok(text)
    }

    /// Texts of files as they are committed, in one run of git; what is no file is empty.
    async fn read(&self, files: &[String]) -> Result<Vec<String>, SourceError> {
        let broken = |e: std::io::Error| self.unavailable(format!("git does not run: {e}"));
        let mut command = self.command();
        command.args(["cat-file", "--batch"]);
        let mut git = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(broken)?;
        let names = files.iter().fold(String::new(), |all, file| all + "HEAD:" + file + "\n");
        let mut stdin = git.stdin.take();
        // Told while it answers: either pipe alone would fill up. A git that ended early shows in what it answered.
        let tell = async move {
            if let Some(stdin) = &mut stdin {
                let _ = stdin.write_all(names.as_bytes()).await;
            }
        };
        let run = async { tokio::join!(tell, git.wait_with_output()).1 };
        let output =
            tokio::time::timeout(TIMEOUT, run).await.map_err(|_| SourceError::Timeout)?.map_err(broken)?;
        let texts = blobs(&output.stdout);
        if texts.len() != files.len() {
            return Err(self.unavailable(format!("git answered {} of {} files", texts.len(), files.len())));
        }
        Ok(texts)
    }

    async fn declared(&self) -> Result<Declared, SourceError> {
        // The committed state counts, not what somebody is editing.
        let listed = self.git(&["ls-tree", "-r", "--name-only", "HEAD", "--", &self.folder]).await?;
        let paths: Vec<String> = listed.lines().map(str::to_owned).collect();
        let asked = overlays::Asked { folder: &self.folder, environment: self.environment.as_deref() };
        let mut texts = BTreeMap::new();
        loop {
            match overlays::declared(&asked, &paths, &texts).map_err(|reason| self.unavailable(reason))? {
                Step::Done(found) => return Ok(found),
                Step::Read(files) => {
                    let read = self.read(&files).await?;
                    texts.extend(files.into_iter().zip(read));
                }
            }
        }
    }

    /// Names services whose image an overlay's commit changes: it touches no folder of theirs.
    async fn add_services(&self, limit: usize, commits: &mut [DeployCommit]) -> Result<(), SourceError> {
        let declared = self.declared().await?;
        let (count, format) = (format!("--max-count={limit}"), format!("--format={RECORD}%H\u{1d}"));
        let files = format!(":(glob){}/**/kustomization.y*ml", self.folder.trim_end_matches('/'));
        let text = self
            .git(&[
                "log",
                &count,
                &format,
                "--patch",
                "--no-color",
                "--no-ext-diff",
                "--unified=3",
                "--",
                &files,
            ])
            .await?;
        let patches: BTreeMap<&str, &str> =
            text.split(RECORD).filter_map(|record| record.split_once('\u{1d}')).collect();
        for commit in commits {
            if let Some(patch) = patches.get(commit.sha.as_str()) {
                declared.add_services_of(patch, &mut commit.services);
            }
        }
        Ok(())
    }
}

/// Contents in the answer of `git cat-file --batch`: a line that ends with the size, and so many bytes; or one that says
/// that there is none. Folders and what is too large for a manifest are empty.
fn blobs(mut answer: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(end) = answer.iter().position(|b| *b == b'\n') {
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        answer = &answer[end + 1..];
        let mut words = head.rsplit(' ');
        let Some(size) = words.next().and_then(|w| w.parse::<usize>().ok()) else {
            found.push(String::new());
            continue;
        };
        let Some(content) = answer.get(..size) else { break };
        let is_manifest = words.next() == Some("blob") && size <= MAX_MANIFEST_BYTES;
        found.push(if is_manifest { String::from_utf8_lossy(content).into_owned() } else { String::new() });
        answer = answer.get(size + 1..).unwrap_or_default();
    }
    found
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
        let mut commits: Vec<DeployCommit> = text.split(RECORD).filter_map(commit).collect();
        // The history stands by itself where manifests cannot be read.
        if let Err(error) = self.add_services(limit, &mut commits).await {
            tracing::debug!(%error, "services of overlays' commits are not known");
        }
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
        Ok(self.declared().await?.versions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(dir: &std::path::Path, args: &[&str]) {
        let identity =
            ["-c", "user.name=Kim", "-c", "user.email=kim@example.com", "-c", "commit.gpgsign=false"];
        let run = std::process::Command::new("git").arg("-C").arg(dir).args(identity).args(args).output();
        assert!(run.unwrap().status.success(), "{args:?}");
    }

    fn commit_all(dir: &std::path::Path, subject: &str) {
        git(dir, &["add", "."]);
        git(dir, &["commit", "-qm", subject]);
    }

    fn repository() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| git(dir.path(), args);
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
    async fn a_new_version_in_an_overlay_touches_its_service() {
        let dir = repository();
        let write = |path: &str, text: &str| {
            let file = dir.path().join("gitops/apps").join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        write("base/kustomization.yaml", "resources: [orders/deployment.yaml]\n");
        let overlay = |tag: &str| {
            let text = format!("resources: [../base]\nimages:\n  - name: shop-orders\n    newTag: {tag}\n");
            write("staging/kustomization.yaml", &text);
        };
        overlay("1.2.0");
        commit_all(dir.path(), "an environment");
        overlay("1.3.0");
        commit_all(dir.path(), "chore(gitops): new images in staging");
        let source = GitDeploys::new(dir.path(), "gitops");
        let newest = source.history(1).await.unwrap().remove(0);
        assert_eq!(newest.subject, "chore(gitops): new images in staging");
        assert_eq!(newest.services, ["orders"]);
        assert_eq!(source.declared_versions().await.unwrap()[0].version, "1.3.0");
    }

    #[tokio::test]
    async fn this_repository_declares_a_version_a_service_and_environment() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let source = GitDeploys::new(root, "gitops");
        let found = source.declared_versions().await.unwrap();
        let of = |service: &str| -> Vec<(&str, &str)> {
            let ours = found.iter().filter(|d| d.service == service);
            ours.map(|d| (d.environment.as_deref().unwrap_or_default(), d.file.as_str())).collect()
        };
        for service in ["console", "storefront", "identity", "catalog", "inventory", "orders", "payments"] {
            assert_eq!(
                of(service),
                [
                    ("production", "gitops/apps/production/kustomization.yaml"),
                    ("staging", "gitops/apps/staging/kustomization.yaml")
                ],
                "{service}"
            );
        }
        let source = source.for_environment(Some("staging".to_owned()));
        let staging = source.declared_versions().await.unwrap();
        assert_eq!(staging.len() * 2, found.len());
        let source = source.for_environment(Some("moon".to_owned()));
        let error = source.declared_versions().await.unwrap_err().to_string();
        assert!(error.contains("no apps/moon/kustomization.yaml"), "{error}");
    }

    #[test]
    fn answers_of_one_run_are_told_apart() {
        let answer = b"0a1b blob 7\na: 1\nb:\nHEAD:g/x.yaml missing\n0c tree 3\n\x00\xff\n\n0d blob 0\n\n";
        assert_eq!(blobs(answer), ["a: 1\nb:", "", "", ""]);
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
