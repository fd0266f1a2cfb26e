//! A console of a test: own folder, own ports, stopped at its end.

use std::{net::TcpListener, path::Path, time::Duration};

use console_server::{Config, StartError, run};
use reqwest::{Client, Response, StatusCode, redirect::Policy};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "a-token-of-the-test";
pub const PASSWORD: &str = "a password of the test";

const RULES: &str = "groups:\n  - name: test\n    interval: 1s\n    rules:\n      - alert: DeadMansSwitch\n        expr: vector(1)\n        labels: { severity: none }\n        annotations: { summary: 'The path works' }\n";
const ROUTING: &str = "route: { receiver: nobody }\nreceivers:\n  - name: nobody\n";

pub struct Console {
    pub http: Client,
    pub base: String,
    stop: CancellationToken,
    task: JoinHandle<Result<(), StartError>>,
}

/// Writes everything that a console is pointed at, and its configuration.
pub fn lay_out(dir: &Path) -> Config {
    let write = |path: &str, text: &str| {
        let file = dir.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write(
        "site/manifest.json",
        r#"{"app.css":"assets/app.1.css","boot.js":"assets/boot.1.js","charts.js":"assets/charts.1.js","console.js":"pkg/console.1.js","console_bg.wasm":"pkg/console_bg.1.wasm"}"#,
    );
    write("site/assets/app.1.css", "body { color: black }");
    write("rules/test.yml", RULES);
    write("routing.yml", ROUTING);
    write("runbooks/alerts/DeadMansSwitch.md", "# Dead man's switch\n\nAlways fires.\n");
    write("password", PASSWORD);
    git(dir, &["init", "-q", "repository"]);
    write("repository/gitops/apps/orders/kustomization.yaml", "resources: []\n");
    let repository = dir.join("repository");
    git(&repository, &["add", "."]);
    let kim = ["-c", "user.name=Kim", "-c", "user.email=kim@example.com"];
    // It is there already where a console starts anew.
    git(&repository, &[&kim[..], &["commit", "-q", "--allow-empty", "-m", "deploy orders"]].concat());
    let [main, health, grpc, http] = free_ports();
    let d = dir.display();
    let text = format!(
        "listen: 127.0.0.1:{main}\nhealth: 127.0.0.1:{health}\notlp_grpc: 127.0.0.1:{grpc}\notlp_http: 127.0.0.1:{http}\n\
         data_dir: {d}/data\nexternal_url: http://127.0.0.1:{main}\nsite_dir: {d}/site\n\
         tokens: {{ ingest: [{TOKEN}], query: [{TOKEN}] }}\nadmin: {{ password_file: {d}/password }}\n\
         rule_files: ['{d}/rules/*.yml']\nrouting_file: {d}/routing.yml\nrunbooks_dir: {d}/runbooks\n\
         gitops: {{ repository: {d}/repository }}\n"
    );
    write("quarterdeck.yml", &text);
    Config::parse("test.yml", &text).unwrap()
}

fn git(dir: &Path, args: &[&str]) {
    let status = std::process::Command::new("git").arg("-C").arg(dir).args(args).status().unwrap();
    assert!(status.success(), "git {args:?}");
}

fn free_ports() -> [u16; 4] {
    // Held together, so that no two are the same.
    let listeners = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|l| l.local_addr().unwrap().port())
}

impl Console {
    pub async fn start(dir: &TempDir) -> Self {
        Self::start_with(lay_out(dir.path())).await
    }

    pub async fn start_with(config: Config) -> Self {
        let base = format!("http://{}", config.listen);
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(config, stop.clone()));
        let http = Client::builder()
            .redirect(Policy::none())
            .cookie_store(true)
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let console = Self { http, base, stop, task };
        let ready = async {
            while !console.get("/readyz").await.is_some_and(|r| r.status().is_success()) {
                assert!(!console.task.is_finished(), "the console ended instead of starting");
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.expect("ready in time");
        console
    }

    async fn get(&self, path: &str) -> Option<Response> {
        self.http.get(self.url(path)).send().await.ok()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// GET with the cookies so far.
    pub async fn fetch(&self, path: &str) -> (StatusCode, String) {
        let response = self.http.get(self.url(path)).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// GET on a query API with the token.
    pub async fn query(&self, path: &str) -> serde_json::Value {
        let response = self.http.get(self.url(path)).bearer_auth(TOKEN).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn log_in(&self, username: &str, password: &str, next: &str) -> Response {
        let form = [("username", username), ("password", password), ("next", next)];
        self.http.post(self.url("/login")).header("origin", &self.base).form(&form).send().await.unwrap()
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}
