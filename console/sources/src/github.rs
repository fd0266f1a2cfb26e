//! Deploys from GitHub, through octocrab: the same answers as a local clone, without one.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use console_model::deploy::{DeclaredVersion, DeployCommit};
use console_storage::{SourceError, source::DeploysSource};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use octocrab::Octocrab;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    manifests,
    overlays::{self, Declared, Step},
};

const MAX_PAGE: usize = 100;
/// A commit list says no files; this many of the newest are asked for one by one.
const MAX_DETAILS: usize = 20;
/// Manifests that are asked for at once.
const MAX_CONCURRENT: usize = 8;

/// A repository on GitHub.
#[derive(Clone, Debug)]
pub struct GitHubConfig {
    pub owner: String,
    pub repo: String,
    /// Folder of the manifests inside the repository.
    pub folder: String,
    /// Only what `apps/ENVIRONMENT` declares.
    pub environment: Option<String>,
    pub token: Option<String>,
    /// Another API root: GitHub Enterprise, or a test's server.
    pub api_url: Option<String>,
}

/// The history of one folder on GitHub.
pub struct GitHubDeploys {
    client: Octocrab,
    config: GitHubConfig,
    /// Texts by hash: what does not change is asked for once, as requests an hour are counted.
    texts: Mutex<HashMap<String, String>>,
}

#[derive(Deserialize)]
struct CommitRow {
    sha: String,
    html_url: Option<String>,
    commit: CommitBody,
    #[serde(default)]
    files: Vec<FileRow>,
}

#[derive(Deserialize)]
struct CommitBody {
    message: String,
    author: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    name: String,
    date: DateTime<Utc>,
}

#[derive(Deserialize)]
struct FileRow {
    filename: String,
    #[serde(default)]
    patch: String,
}

#[derive(Deserialize)]
struct Tree {
    #[serde(default)]
    truncated: bool,
    tree: Vec<TreeRow>,
}

#[derive(Deserialize)]
struct TreeRow {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    content: String,
}

impl GitHubDeploys {
    pub fn new(config: GitHubConfig) -> Result<Self, SourceError> {
        let part = |s: &str| {
            !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        if !part(&config.owner) || !part(&config.repo) {
            let message = format!("not a GitHub repository: {:?}/{:?}", config.owner, config.repo);
            return Err(SourceError::Invalid { message, position: None });
        }
        let internal = |e: octocrab::Error| SourceError::Internal(format!("GitHub client: {e}"));
        let mut builder = Octocrab::builder();
        if let Some(token) = &config.token {
            builder = builder.personal_token(token.clone());
        }
        if let Some(url) = &config.api_url {
            builder = builder.base_uri(url.as_str()).map_err(internal)?;
        }
        Ok(Self { client: builder.build().map_err(internal)?, config, texts: Mutex::default() })
    }

    fn route(&self, rest: &str) -> String {
        format!("/repos/{}/{}/{rest}", self.config.owner, self.config.repo)
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, rest: &str, query: &Value) -> Result<T, SourceError> {
        self.client.get(self.route(rest), Some(query)).await.map_err(|e| self.error(e))
    }

    fn error(&self, e: octocrab::Error) -> SourceError {
        match e {
            octocrab::Error::GitHub { source, .. } if source.status_code.as_u16() == 404 => {
                SourceError::NotFound(source.message.clone())
            }
            other => self.unavailable(other.to_string()),
        }
    }

    fn unavailable(&self, reason: String) -> SourceError {
        let backend = format!("GitHub repository {}/{}", self.config.owner, self.config.repo);
        SourceError::Unavailable { backend, reason }
    }

    /// A file's text by the hash that the tree tells.
    async fn read(&self, sha: &str) -> Result<String, SourceError> {
        if let Some(text) = self.texts.lock().get(sha) {
            return Ok(text.clone());
        }
        let content: Content = self.get(&format!("git/blobs/{sha}"), &json!({})).await?;
        let compact: String = content.content.split_whitespace().collect();
        // What is no text is no manifest.
        let text = decode_base64(&compact).unwrap_or_default();
        self.texts.lock().insert(sha.to_owned(), text.clone());
        Ok(text)
    }

    fn below_folder(&self, path: &str) -> bool {
        let folder = self.config.folder.trim_matches('/');
        folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    async fn declared(&self) -> Result<Declared, SourceError> {
        let tree: Tree = self.get("git/trees/HEAD", &json!({ "recursive": "1" })).await?;
        if tree.truncated {
            return Err(self.unavailable("it has more files than GitHub lists".to_owned()));
        }
        let files = tree.tree.into_iter().filter(|r| r.kind == "blob");
        let hashes: &BTreeMap<String, String> = &files.map(|r| (r.path, r.sha)).collect();
        let paths: Vec<String> = hashes.keys().filter(|p| self.below_folder(p)).cloned().collect();
        let environment = self.config.environment.as_deref();
        let asked = overlays::Asked { folder: &self.config.folder, environment };
        let mut texts = BTreeMap::new();
        let found = loop {
            match overlays::declared(&asked, &paths, &texts).map_err(|reason| self.unavailable(reason))? {
                Step::Done(found) => break found,
                Step::Read(files) => {
                    let read = stream::iter(files).map(|file| async move {
                        let text = match hashes.get(&file) {
                            Some(sha) => self.read(sha).await?,
                            None => String::new(),
                        };
                        Ok::<_, SourceError>((file, text))
                    });
                    texts.extend(read.buffered(MAX_CONCURRENT).try_collect::<Vec<_>>().await?);
                }
            }
        };
        let current: HashSet<&String> = hashes.values().collect();
        self.texts.lock().retain(|sha, _| current.contains(sha));
        Ok(found)
    }

    fn deploy(&self, row: CommitRow, declared: &Declared) -> DeployCommit {
        let (subject, body) = row.commit.message.split_once('\n').unwrap_or((&row.commit.message, ""));
        let below = row.files.iter().filter(|f| self.below_folder(&f.filename));
        let patches: String = below.map(patch).collect();
        let files: Vec<String> =
            row.files.into_iter().map(|f| f.filename).filter(|f| self.below_folder(f)).collect();
        let mut services: Vec<String> = files.iter().filter_map(|f| manifests::service_of(f)).collect();
        declared.add_services_of(&patches, &mut services);
        DeployCommit {
            sha: row.sha,
            at_ms: row.commit.author.as_ref().map(|a| a.date.timestamp_millis()).unwrap_or_default(),
            author: row.commit.author.map(|a| a.name).unwrap_or_default(),
            subject: subject.to_owned(),
            body: body.trim().to_owned(),
            services,
            files,
            url: row.html_url,
        }
    }
}

#[async_trait]
impl DeploysSource for GitHubDeploys {
    async fn history(&self, limit: usize) -> Result<Vec<DeployCommit>, SourceError> {
        let query = json!({ "path": self.config.folder, "per_page": limit.clamp(1, MAX_PAGE) });
        let rows: Vec<CommitRow> = self.get("commits", &query).await?;
        // The history stands by itself where manifests cannot be read.
        let declared = self.declared().await.unwrap_or_default();
        let mut commits = Vec::with_capacity(rows.len());
        for (i, row) in rows.into_iter().enumerate() {
            let full = if i < MAX_DETAILS {
                self.get(&format!("commits/{}", row.sha), &json!({})).await?
            } else {
                row
            };
            commits.push(self.deploy(full, &declared));
        }
        Ok(commits)
    }

    async fn diff(&self, sha: &str) -> Result<Option<String>, SourceError> {
        if sha.is_empty() || !sha.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(SourceError::Invalid {
                message: format!("not a commit hash: {sha:?}"),
                position: None,
            });
        }
        let row: CommitRow = match self.get(&format!("commits/{sha}"), &json!({})).await {
            Err(SourceError::NotFound(_)) => return Ok(None),
            other => other?,
        };
        Ok(Some(
            row.files
                .iter()
                .filter(|f| self.below_folder(&f.filename))
                .map(patch)
                .collect::<Vec<_>>()
                .concat(),
        ))
    }

    async fn declared_versions(&self) -> Result<Vec<DeclaredVersion>, SourceError> {
        Ok(self.declared().await?.versions)
    }
}

/// As git writes it.
fn patch(file: &FileRow) -> String {
    format!("diff --git a/{0} b/{0}\n{1}\n", file.filename, file.patch)
}

fn decode_base64(text: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

    use super::*;

    async fn serve(server: &MockServer, at: &str, body: Value) {
        Mock::given(path(at))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(server)
            .await;
    }

    fn source(server: &MockServer) -> GitHubDeploys {
        let config = GitHubConfig {
            owner: "acme".into(),
            repo: "ops".into(),
            folder: "gitops".into(),
            environment: None,
            token: Some("t".into()),
            api_url: Some(server.uri()),
        };
        GitHubDeploys::new(config).unwrap()
    }

    #[tokio::test]
    async fn commits_keep_author_files_and_page() {
        let server = MockServer::start().await;
        let author = json!({"name": "Kim", "date": "2026-01-02T03:04:05Z"});
        let head = json!({"sha": "ab12", "html_url": "https://example.com/c/ab12",
            "commit": {"message": "deploy: orders\n\nwhy", "author": author}});
        let mut full = head.clone();
        full["files"] = json!([{"filename": "gitops/apps/base/orders/deployment.yaml", "patch": "@@ -1 +1 @@\n-a\n+b"},
            {"filename": "README.md"}]);
        serve(&server, "/repos/acme/ops/commits", json!([head])).await;
        serve(&server, "/repos/acme/ops/commits/ab12", full).await;
        let source = source(&server);
        let commits = source.history(5).await.unwrap();
        assert_eq!((commits[0].author.as_str(), commits[0].subject.as_str()), ("Kim", "deploy: orders"));
        assert_eq!(commits[0].services, ["orders"]);
        assert_eq!(commits[0].files.len(), 1);
        assert!(source.diff("ab12").await.unwrap().unwrap().contains("+b"));
    }

    #[tokio::test]
    async fn an_environment_s_versions_are_read_once() {
        use base64::Engine as _;
        let server = MockServer::start().await;
        let manifest = "metadata: { name: orders }\nspec: { template: { spec: { containers: [{ image: shop-orders }] } } }\n";
        let files = [
            ("gitops/apps/base/kustomization.yaml", "resources: [orders.yaml]"),
            ("gitops/apps/base/orders.yaml", manifest),
            (
                "gitops/apps/production/kustomization.yaml",
                "resources: [../base]\nimages: [{ name: shop-orders, newTag: 1.2.3 }]",
            ),
            (
                "gitops/apps/staging/kustomization.yaml",
                "resources: [../base]\nimages: [{ name: shop-orders, newTag: 1.3.0 }]",
            ),
        ];
        let mut rows = vec![json!({"path": "gitops", "type": "tree", "sha": "ff"})];
        for (i, (file, text)) in files.iter().enumerate() {
            rows.push(json!({"path": file, "type": "blob", "sha": format!("{i}a")}));
            let content = base64::engine::general_purpose::STANDARD.encode(text);
            Mock::given(path(format!("/repos/acme/ops/git/blobs/{i}a")))
                .respond_with(ResponseTemplate::new(200).set_body_json(json!({"content": content})))
                .expect(1)
                .mount(&server)
                .await;
        }
        serve(&server, "/repos/acme/ops/git/trees/HEAD", json!({"tree": rows})).await;
        let source = source(&server);
        for _ in 0..2 {
            let found = source.declared_versions().await.unwrap();
            let told: Vec<_> =
                found.iter().map(|d| (d.environment.as_deref().unwrap(), d.version.as_str())).collect();
            assert_eq!(told, [("production", "1.2.3"), ("staging", "1.3.0")]);
        }
    }

    #[tokio::test]
    async fn a_github_that_answers_500_is_unavailable() {
        let server = MockServer::start().await;
        let error = source(&server).diff("ab12").await;
        // The mock server answers 404 to everything that it does not know.
        assert_eq!(error.unwrap(), None);
    }
}
