//! The console itself: its program alone, without the platform around it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Endpoint, Launch, Peer, PeerError, free_ports};

/// Of ingest and of queries.
const TOKEN: &str = "a-token-of-the-proof";

/// The smallest client that the console starts with.
const MANIFEST: &str = r#"{"app.css":"assets/app.1.css","boot.js":"assets/boot.1.js","charts.js":"assets/charts.1.js","console.js":"pkg/console.1.js","console_bg.wasm":"pkg/console_bg.1.wasm"}"#;

const ROUTING: &str = "route: { receiver: nobody }\nreceivers:\n  - name: nobody\n";

/// `quarterdeck` of the same build as this program.
pub fn program() -> Result<PathBuf, PeerError> {
    let own = std::env::current_exe().map_err(PeerError::io("this program does not know where it lies"))?;
    // Test binaries lie one folder deeper.
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|f| f.join("quarterdeck")).find(|p| p.is_file());
    found.ok_or_else(|| PeerError::Io {
        what: format!("no quarterdeck beside {}: build it, or name it with --console", own.display()),
        source: std::io::ErrorKind::NotFound.into(),
    })
}

/// Starts it with `scrape_configs` in Prometheus' format (may be empty) and further lines of its configuration.
pub async fn start(program: &Path, scrape_config: &str, more_config: &str) -> Result<Peer, PeerError> {
    let data = tempfile::tempdir().map_err(PeerError::io("no temporary folder"))?;
    let ports @ [main, _, otlp] = free_ports::<3>()?;
    let config = lay_out(data.path(), ports, scrape_config, more_config)
        .map_err(PeerError::io("cannot write what the console is pointed at"))?;
    let launch = Launch {
        name: "console",
        program: program.to_owned(),
        args: vec!["serve".to_owned(), format!("--config={}", config.display()), "--log=warn".to_owned()],
        log: data.path().join("output.log"),
    };
    let peer = Peer::start(launch, Endpoint::new(main, Some(TOKEN))?, "/readyz", data).await?;
    Ok(peer.with_otlp(Endpoint::new(otlp, Some(TOKEN))?))
}

fn lay_out(
    dir: &Path,
    [main, grpc, http]: [u16; 3],
    scrape_config: &str,
    more_config: &str,
) -> std::io::Result<PathBuf> {
    let write = |path: &str, text: &str| {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().unwrap_or(dir))?;
        fs::write(&file, text)
    };
    write("site/manifest.json", MANIFEST)?;
    write("site/assets/app.1.css", "")?;
    write("routing.yml", ROUTING)?;
    write("runbooks/README.md", "# None\n")?;
    write("password", "a password of the proof\n")?;
    write("scrape.yml", if scrape_config.is_empty() { "scrape_configs: []\n" } else { scrape_config })?;
    write("repository/gitops/README.md", "# Nothing is deployed\n")?;
    let repository = dir.join("repository");
    git(&repository, &["init", "-q"])?;
    git(&repository, &["add", "."])?;
    let author = ["-c", "user.name=proof", "-c", "user.email=proof@example.com"];
    git(&repository, &[&author[..], &["commit", "-q", "-m", "nothing"]].concat())?;
    let d = dir.display();
    let text = format!(
        "listen: 127.0.0.1:{main}\notlp_grpc: 127.0.0.1:{grpc}\notlp_http: 127.0.0.1:{http}\n\
         data_dir: {d}/data\nexternal_url: http://127.0.0.1:{main}\nsite_dir: {d}/site\n\
         tokens: {{ ingest: [{TOKEN}], query: [{TOKEN}] }}\nadmin: {{ password_file: {d}/password }}\n\
         scrape_config_file: {d}/scrape.yml\nrouting_file: {d}/routing.yml\nrunbooks_dir: {d}/runbooks\n\
         gitops: {{ repository: {d}/repository }}\n{more_config}"
    );
    write("quarterdeck.yml", &text)?;
    Ok(dir.join("quarterdeck.yml"))
}

fn git(dir: &Path, args: &[&str]) -> std::io::Result<()> {
    let output = Command::new("git").arg("-C").arg(dir).args(args).output()?;
    if output.status.success() {
        return Ok(());
    }
    let reason = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(std::io::Error::other(format!("git {args:?}: {reason}")))
}
