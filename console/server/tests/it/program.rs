//! The program as it is called: its commands, what they print, and how they end.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use super::console::{Console, PASSWORD, lay_out};

fn quarterdeck(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quarterdeck")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn check_config(dir: &Path) -> Output {
    quarterdeck(&["check-config", "--config", &dir.join("quarterdeck.yml").display().to_string()])
}

#[test]
fn version_is_the_packages() {
    let output = quarterdeck(&["version"]);
    assert!(output.status.success());
    assert!(text(&output.stdout).starts_with(concat!("quarterdeck ", env!("CARGO_PKG_VERSION"))));
    assert!(quarterdeck(&["--version"]).status.success());
}

#[test]
fn each_shell_gets_completions_of_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = quarterdeck(&["completions", shell]);
        assert!(output.status.success(), "{shell}");
        let script = text(&output.stdout);
        for command in ["serve", "check-config", "export", "version", "completions"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    let bash = text(&quarterdeck(&["completions", "bash"]).stdout);
    let mut shell = Command::new("bash").args(["-n", "/dev/stdin"]).stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut shell.stdin.take().unwrap(), bash.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success(), "bash cannot read its completions");
}

#[test]
fn a_copy_says_that_the_state_is_in_postgres_and_one_of_a_file_is_not_put_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    lay_out(dir.path());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let config = path("quarterdeck.yml");
    let file = std::fs::read_to_string(&config).unwrap();
    std::fs::create_dir_all(dir.path().join("data/metrics")).unwrap();
    std::fs::write(dir.path().join("data/metrics/0000000000000001.wal"), "samples").unwrap();
    std::fs::write(dir.path().join("data/state.sqlite"), "").unwrap();
    let with_file = quarterdeck(&["backup", "--config", &config, "--to", &path("of-a-file")]);
    assert!(with_file.status.success(), "{with_file:?}");
    assert!(!text(&with_file.stdout).contains("Postgres"));

    let shared = file.lines().filter(|l| !l.starts_with("rule_files")).collect::<Vec<_>>().join("\n");
    std::fs::write(&config, shared + "\nstate: { postgres_url_file: url }\n").unwrap();
    std::fs::remove_file(dir.path().join("data/state.sqlite")).unwrap();
    let without = quarterdeck(&["backup", "--config", &config, "--to", &path("of-postgres")]);
    assert!(text(&without.stdout).contains("are in Postgres (state.postgres_url_file)"), "{without:?}");
    std::fs::remove_dir_all(dir.path().join("data")).unwrap();
    let put_back = |from: &str| quarterdeck(&["restore", "--config", &config, "--from", &path(from)]);
    let refused = put_back("of-a-file");
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("state.postgres_url_file keeps them in Postgres"), "{refused:?}");
    assert!(!dir.path().join("data").exists());
    assert!(put_back("of-postgres").status.success());
}

#[test]
fn unknown_words_end_with_2_and_are_named() {
    for arguments in [&["deploy"][..], &["serve", "--colour"], &["completions", "csh"], &["version", "now"]] {
        let output = quarterdeck(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(arguments.last().unwrap()), "{arguments:?}");
    }
    let output = quarterdeck(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("check-config"), "the commands are listed");
}

#[test]
fn check_config_takes_a_good_one_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    lay_out(dir.path());
    let output = check_config(dir.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).ends_with("quarterdeck.yml: the configuration is correct\n"));
    assert!(!dir.path().join("data").exists());
}

#[test]
fn check_config_tells_all_files_that_are_wrong_together() {
    let dir = tempfile::tempdir().unwrap();
    lay_out(dir.path());
    std::fs::write(dir.path().join("password"), "\n").unwrap();
    std::fs::remove_file(dir.path().join("site/manifest.json")).unwrap();
    std::fs::write(
        dir.path().join("rules/test.yml"),
        "groups: [{ name: x, rules: [{ alert: A, expr: 'sum(' }] }]\n",
    )
    .unwrap();
    std::fs::remove_dir_all(dir.path().join("repository")).unwrap();
    let output = check_config(dir.path());
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    for part in ["quarterdeck: ", "admin.password_file", "manifest.json", "test.yml", "gitops.repository"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn check_config_refuses_a_password_that_is_guessed_and_does_not_print_it() {
    let dir = tempfile::tempdir().unwrap();
    lay_out(dir.path());
    std::fs::write(dir.path().join("password"), "sevenés\n").unwrap();
    let output = check_config(dir.path());
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("admin.password_file") && said.contains("8 characters"), "{said}");
    assert!(!said.contains("sevenés"), "{said}");
    std::fs::write(dir.path().join("password"), "eight 88\n").unwrap();
    assert!(check_config(dir.path()).status.success());
}

#[test]
fn a_configuration_that_is_not_there_or_has_unknown_fields_is_refused_by_both() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("quarterdeck.yml").display().to_string();
    for command in ["check-config", "serve"] {
        let output = quarterdeck(&[command, "--config", &file]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("quarterdeck.yml"), "{output:?}");
    }
    std::fs::write(&file, "colour: blue\n").unwrap();
    for command in ["check-config", "serve"] {
        let output = quarterdeck(&[command, "--config", &file]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("colour"), "{output:?}");
    }
}

/// Ended with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Of a cluster whose program for credentials hangs until the folder is gone.
fn hanging_kubeconfig(dir: &Path) {
    let hangs = format!("touch '{0}/asked'; while [ -d '{0}' ]; do sleep 0.05; done", dir.display());
    let text = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "console", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh", "args": ["-c", hangs], "interactiveMode": "Never"}}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "console"}}],
    });
    let kubeconfig = dir.join("kubeconfig");
    std::fs::write(&kubeconfig, text.to_string()).unwrap();
    let file = dir.join("quarterdeck.yml");
    let text = std::fs::read_to_string(&file).unwrap();
    let cluster = format!("\nkubernetes: {{ kubeconfig: '{}' }}\n", kubeconfig.display());
    std::fs::write(&file, text + &cluster).unwrap();
}

#[tokio::test]
async fn serve_answers_until_it_is_told_to_stop_and_ends_well_whatever_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let config = lay_out(dir.path());
    hanging_kubeconfig(dir.path());
    let program = Command::new(env!("CARGO_BIN_EXE_quarterdeck"))
        .args(["serve", "--config"])
        .arg(dir.path().join("quarterdeck.yml"))
        .args(["--log", "warn"])
        .stdout(Stdio::null())
        .spawn();
    let mut serving = Serving(program.unwrap());
    let ready = format!("http://{}/readyz", config.listen);
    let begun = Instant::now();
    let asked = dir.path().join("asked");
    while !(asked.exists() && reqwest::get(&ready).await.is_ok_and(|a| a.status().is_success())) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not become ready");
        assert!(serving.0.try_wait().unwrap().is_none(), "it ended by itself");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pid = rustix::process::Pid::from_child(&serving.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let begun = Instant::now();
    let ended = loop {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not end");
        if let Some(ended) = serving.0.try_wait().unwrap() {
            break ended;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(ended.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_repository_the_page_of_deploys_says_what_it_would_need() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = lay_out(dir.path());
    config.gitops.repository = None;
    let console = Console::start_with(config).await;
    console.log_in("admin", PASSWORD, "/").await;
    let (_, page) = console.fetch("/deploys").await;
    console.stop().await;
    assert!(page.contains("gitops.repository or gitops.github"), "{page}");
}
