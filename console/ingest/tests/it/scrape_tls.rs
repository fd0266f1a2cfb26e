//! Scraping over TLS, and discovery of targets over HTTP and HTTPS.

use console_ingest::scrape::TargetHealth;

use crate::{
    scraping::{Answer, Scraping, Server},
    tls::{HttpsServer, authority},
};

const TEXT: &str = "text/plain; version=0.0.4";
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

fn job(server: &HttpsServer, tls: &str) -> Scraping {
    Scraping::start(&format!(
        "scheme: https\nstatic_configs: [{{targets: ['{}']}}]\ntls_config: {{{tls}}}",
        server.address
    ))
}

#[tokio::test]
async fn a_target_is_believed_when_the_authority_signed_it() {
    let (ca, other) = (authority("ca", 1), authority("other", 2));
    let server = HttpsServer::start(&ca.server("target.test", 3), None, TEXT, "a 1\n".to_owned());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let scraping = job(&server, &format!("ca_file: '{}'", file.display()));
    let error = scraping.until_down().await;
    assert!(error.contains("cannot read the credentials in") && error.contains("ca.pem"), "{error}");
    std::fs::write(&file, other.cert_pem()).unwrap();
    let said = |part: &'static str| move |e: Option<&String>| e.is_some_and(|e| e.contains(part));
    scraping.until(|all| said("UnknownIssuer")(all[0].last_error.as_ref())).await;
    assert!(scraping.counter("unreachable") >= 1.0);
    // A renewed file is used at once.
    std::fs::write(&file, ca.cert_pem()).unwrap();
    scraping.until_up().await;
    assert_eq!(scraping.last("a").v, 1.0);
    std::fs::write(&file, "nothing of the kind").unwrap();
    scraping.until(|all| said("TLS cannot be set up: ca: ")(all[0].last_error.as_ref())).await;
    assert!(scraping.counter("tls") >= 1.0);
    let trusting = job(&server, "insecure_skip_verify: true, min_version: TLS13");
    trusting.until_up().await;
    let system = job(&server, "min_version: TLS12");
    let error = system.until_down().await;
    assert!(error.contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_target_is_asked_for_by_the_servers_name() {
    let ca = authority("ca", 1);
    let server = HttpsServer::start(&ca.server("target.test", 3), None, TEXT, "a 1\n".to_owned());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, ca.cert_pem()).unwrap();
    let named = job(&server, &format!("ca_file: '{}', server_name: target.test", file.display()));
    let status = named.until_up().await;
    assert_eq!(status.url, format!("https://{}/metrics", server.address));
    let seen = server.seen.lock().last().cloned().unwrap();
    assert_eq!(seen.server_name.as_deref(), Some("target.test"));
    assert!(seen.head.contains(&format!("host: {}\r\n", server.address)), "{}", seen.head);
    let wrong = job(&server, &format!("ca_file: '{}', server_name: other.test", file.display()));
    let error = wrong.until_down().await;
    assert!(error.contains("certificate not valid for name \"other.test\""), "{error}");
}

#[tokio::test]
async fn a_target_that_asks_for_a_certificate_gets_one() {
    let ca = authority("ca", 1);
    let server = HttpsServer::start(&ca.server("target.test", 3), Some(&ca), TEXT, "a 1\n".to_owned());
    let dir = tempfile::tempdir().unwrap();
    let client = ca.client("console", 4);
    for (name, pem) in [("ca", ca.cert_pem()), ("cert", client.cert_pem()), ("key", client.key_pem())] {
        std::fs::write(dir.path().join(format!("{name}.pem")), pem).unwrap();
    }
    let folder = dir.path().display();
    let nobody = job(&server, &format!("ca_file: '{folder}/ca.pem'"));
    let error = nobody.until_down().await;
    assert!(error.to_lowercase().contains("certificate"), "{error}");
    let known = job(
        &server,
        &format!("ca_file: '{folder}/ca.pem', cert_file: '{folder}/cert.pem', key_file: '{folder}/key.pem'"),
    );
    known.until_up().await;
    assert!(server.seen.lock().iter().all(|s| s.has_certificate));
    // The same in the file itself.
    let indented = |pem: String| pem.replace('\n', "\n    ");
    let inline = Scraping::start(&format!(
        "scheme: https\nstatic_configs: [{{targets: ['{}']}}]\ntls_config:\n  ca: |\n    {}\n  cert: |\n    {}\n  \
         key: |\n    {}",
        server.address,
        indented(ca.cert_pem()),
        indented(client.cert_pem()),
        indented(client.key_pem()),
    ));
    inline.until_up().await;
}

fn listed(servers: &[&Server]) -> Answer {
    let targets: Vec<_> = servers.iter().map(|s| format!("\"{}\"", s.address)).collect();
    let text = format!("[{{\"targets\": [{}], \"labels\": {{\"zone\": \"a\"}}}}]", targets.join(","));
    Answer::Text(vec![JSON], text.into_bytes())
}

#[tokio::test]
async fn targets_that_a_server_lists_come_and_go() {
    let (one, two) = (Server::start("a 1\n").await, Server::start("a 2\n").await);
    let sd = Server::start("").await;
    sd.set(listed(&[&one]));
    let scraping = Scraping::start(&format!(
        "http_sd_configs: [{{url: 'http://{}/list?x=1', refresh_interval: 200ms, bearer_token: hush}}]\n\
         relabel_configs: [{{source_labels: [__meta_url], target_label: origin}}]",
        sd.address
    ));
    scraping.until_up().await;
    let labels = scraping.series("a")[0].labels.clone();
    assert_eq!(labels.get("zone"), Some("a"));
    assert_eq!(labels.get("origin"), Some(&*format!("http://{}/list?x=1", sd.address)));
    let (path, headers) = sd.seen.lock()[0].clone();
    assert_eq!((&*path, &headers["accept"]), ("/list?x=1", &"application/json".parse().unwrap()));
    assert_eq!(headers["x-prometheus-refresh-interval-seconds"], "0.2");
    assert_eq!(headers["authorization"], "Bearer hush");
    assert!(!one.seen.lock()[0].1.contains_key("authorization"), "the credentials are the server's");
    sd.set(listed(&[&one, &two]));
    scraping.until(|all| all.len() == 2 && all.iter().all(|t| t.health == TargetHealth::Up)).await;
    for (broken, said) in [
        (Answer::Status(500), "500 Internal Server Error"),
        (Answer::Text(vec![], b"[]".to_vec()), "must be application/json"),
        (Answer::Text(vec![JSON], b"[{".to_vec()), "not a list of groups"),
        (Answer::Never, "within refresh_interval"),
    ] {
        sd.set(broken);
        let mut changes = scraping.targets.changes();
        while !scraping.targets.problems().get("shop").is_some_and(|p| p[0].contains(said)) {
            changes.changed().await.unwrap();
        }
        assert_eq!(scraping.targets.list().len(), 2, "a broken answer keeps the targets: {said}");
    }
    sd.set(listed(&[&two]));
    let left = scraping.until(|all| all.len() == 1).await;
    assert_eq!(left[0].instance, two.address.to_string());
    assert!(scraping.targets.problems().is_empty());
}

#[tokio::test]
async fn a_list_comes_over_tls_too() {
    let target = Server::start("a 1\n").await;
    let ca = authority("ca", 1);
    let text = format!("[{{\"targets\": [\"{}\"]}}]", target.address);
    let sd = HttpsServer::start(&ca.server("sd.test", 3), None, "application/json", text);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), ca.cert_pem()).unwrap();
    let scraping = Scraping::start(&format!(
        "http_sd_configs: [{{url: 'https://{}', basic_auth: {{username: me, password: word}}, tls_config: \
         {{ca_file: '{}/ca.pem', server_name: sd.test}}}}]",
        sd.address,
        dir.path().display()
    ));
    scraping.until_up().await;
    let seen = sd.seen.lock()[0].clone();
    assert_eq!(seen.server_name.as_deref(), Some("sd.test"));
    assert!(seen.head.contains("authorization: basic bwu6d29yza=="), "{}", seen.head);
}
