use std::time::Duration;

use console_ingest::scrape::{
    ScrapeConfig,
    config::{Auth, Credential, Scheme, Secret},
};

fn parse(text: &str) -> Result<ScrapeConfig, String> {
    ScrapeConfig::parse("/etc/scrape.yml".as_ref(), text).map_err(|e| e.to_string())
}

#[test]
fn the_file_of_the_local_platform_loads() {
    let mut text = String::from("# Written by `make up`.\nscrape_configs:\n");
    for job in ["catalog", "console"] {
        text += &format!(
            "  - job_name: {job}\n    scrape_interval: 2s\n    scrape_timeout: 2s\n    static_configs:\n      \
             - targets: [\"127.0.0.1:7001\", \"127.0.0.1:7002\"]\n"
        );
    }
    let config = parse(&text).unwrap();
    assert_eq!(config.jobs.len(), 2);
    assert_eq!(config.jobs[0].name, "catalog");
    assert_eq!(
        (config.jobs[0].interval, config.jobs[0].timeout),
        (Duration::from_secs(2), Duration::from_secs(2))
    );
    assert_eq!(config.jobs[0].groups[0].targets, ["127.0.0.1:7001", "127.0.0.1:7002"]);
}

#[test]
fn a_full_job_is_read_and_inherits_what_it_does_not_say() {
    let config = parse(
        r#"
global:
  scrape_interval: 30s
  scrape_timeout: 20s
  evaluation_interval: 1m
  external_labels: {cluster: local}
  sample_limit: 7
scrape_configs:
  - job_name: full
    scrape_interval: 10s
    metrics_path: /probe
    scheme: https
    params: {module: [http_2xx]}
    honor_labels: true
    honor_timestamps: false
    follow_redirects: false
    static_configs:
      - targets: ["a:1"]
        labels: {zone: x, rack: 12}
      - targets: ["b:1"]
    file_sd_configs:
      - files: [targets/*.json, /abs/one.yaml]
        refresh_interval: 1m
    relabel_configs:
      - source_labels: [__address__]
        regex: (.*):.*
        target_label: host
    metric_relabel_configs:
      - action: labeldrop
        regex: tmp_.*
    basic_auth: {username: me, password_file: pass}
    body_size_limit: 5MB
    label_limit: 30
  - job_name: plain
    static_configs:
"#,
    )
    .unwrap();
    assert_eq!(config.external_labels.get("cluster"), Some("local"));
    let full = &config.jobs[0];
    assert_eq!((full.interval, full.timeout), (Duration::from_secs(10), Duration::from_secs(10)));
    assert_eq!((&*full.metrics_path, full.scheme), ("/probe", Scheme::Https));
    assert!(full.honor_labels && !full.honor_timestamps && !full.http.follow_redirects);
    assert_eq!(full.groups.len(), 2);
    assert!(full.groups[0].labels.contains(&("rack".to_owned(), "12".to_owned())));
    let files: Vec<_> = full.file_discovery[0].patterns.iter().map(|p| p.display().to_string()).collect();
    assert_eq!(files, ["/etc/targets/*.json", "/abs/one.yaml"]);
    assert_eq!((full.relabel.len(), full.metric_relabel.len()), (1, 1));
    let password = Credential::File("/etc/pass".into());
    let username = Credential::Value(Secret::new("me"));
    assert_eq!(full.http.auth, Auth::Basic { username, password });
    assert_eq!((full.limits.body_size, full.limits.samples, full.limits.labels), (5 << 20, 7, 30));
    let plain = &config.jobs[1];
    assert_eq!((plain.interval, plain.timeout), (Duration::from_secs(30), Duration::from_secs(20)));
    assert_eq!((plain.limits.body_size, &*plain.metrics_path), (64 << 20, "/metrics"));
}

#[test]
fn secrets_do_not_print() {
    let config = parse("scrape_configs:\n- job_name: a\n  bearer_token: hush\n").unwrap();
    assert!(matches!(&config.jobs[0].http.auth, Auth::Header { scheme, .. } if scheme == "Bearer"));
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn a_configuration_written_out_reads_the_same_but_for_its_secrets() {
    let text = "
global: {external_labels: {cluster: local}}
scrape_configs:
  - job_name: full
    scrape_interval: 10s
    params: {module: [http_2xx]}
    static_configs: [{targets: ['a:1'], labels: {zone: x}}]
    file_sd_configs: [{files: [targets/*.json], refresh_interval: 1m}]
    relabel_configs:
      - {source_labels: [__address__], regex: '(.*):.*', target_label: host}
      - {action: labeldrop, regex: tmp_.*}
    metric_relabel_configs: [{action: hashmod, source_labels: [a], target_label: b, modulus: 8}]
    basic_auth: {username: me, password: hush}
    sample_limit: 7
  - job_name: token
    authorization: {credentials: hush}
  - job_name: file
    bearer_token_file: token
    tls_config: {ca_file: ca.pem, cert: PEM, key_file: key.pem, server_name: x.test, min_version: TLS13}
    http_sd_configs: [{url: 'http://me:word@sd/', bearer_token_file: t, tls_config: {insecure_skip_verify: true}}]
";
    let config = parse(text).unwrap();
    let shown = config.to_yaml(&["rules/*.yml".to_owned()]);
    assert!(
        shown.contains("rules/*.yml")
            && shown.contains("external_labels")
            && !shown.contains("hush")
            && !shown.contains("word@"),
        "{shown}"
    );
    assert_eq!(shown.matches("<secret>").count(), 2, "{shown}");
    let again = parse(&shown.replace("rule_files:", "#").replace("- rules/*.yml", "#")).unwrap();
    assert_eq!(again.to_yaml(&["rules/*.yml".to_owned()]), shown);
    assert_eq!(again.jobs[0].groups, config.jobs[0].groups);
    assert_eq!(again.jobs[2].http.auth, config.jobs[2].http.auth);
}

/// Names of a job's protocols.
fn protocols(config: &ScrapeConfig, job: usize) -> Vec<&'static str> {
    config.jobs[job].protocols.iter().map(|p| p.name()).collect()
}

#[test]
fn formats_and_histograms_follow_prometheus_3() {
    let config = parse(
        "global: {scrape_native_histograms: true, always_scrape_classic_histograms: true}
scrape_configs:
  - job_name: inherits
  - job_name: says
    scrape_native_histograms: false
    scrape_classic_histograms: false
    convert_classic_histograms_to_nhcb: true
    native_histogram_bucket_limit: 100
    native_histogram_min_bucket_factor: 1.1
    fallback_scrape_protocol: PrometheusText0.0.4
  - job_name: chooses
    scrape_protocols: [PrometheusText0.0.4, PrometheusProto]
",
    )
    .unwrap();
    let text = ["OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4"];
    assert_eq!(protocols(&config, 0), [&["PrometheusProto"], &text[..]].concat());
    assert_eq!(protocols(&config, 1), text);
    assert_eq!(protocols(&config, 2), ["PrometheusText0.0.4", "PrometheusProto"]);
    let inherited = config.jobs[0].histograms.read;
    assert!(inherited.native && inherited.classic_too && !inherited.convert);
    let said = &config.jobs[1].histograms;
    assert!(!said.read.native && !said.read.classic_too && said.read.convert);
    assert_eq!((said.bucket_limit, said.min_bucket_factor), (100, 1.1));
    assert_eq!(config.jobs[1].fallback_protocol.unwrap().name(), "PrometheusText0.0.4");
    let shown = config.to_yaml(&[]);
    assert_eq!(parse(&shown).unwrap().to_yaml(&[]), shown);
    assert!(shown.contains("native_histogram_min_bucket_factor: 1.1"), "{shown}");
    // What is said for all is asked for whatever histograms are wanted.
    let all = "global: {scrape_protocols: [OpenMetricsText0.0.1]}\nscrape_configs:\n- job_name: a\n  \
               scrape_native_histograms: true\n";
    assert_eq!(protocols(&parse(all).unwrap(), 0), ["OpenMetricsText0.0.1"]);
}

const LEGACY: &str = "metric_name_validation_scheme: legacy";

/// What a configuration comes to for each of its jobs: `validation/escaping`.
fn names(global: &str, jobs: &[&str]) -> Vec<String> {
    let mut text = format!("global: {{{global}}}\nscrape_configs:\n");
    for (i, job) in jobs.iter().enumerate() {
        text += &format!("- {{job_name: j{i}, {job}}}\n");
    }
    let config = parse(&text).unwrap();
    let shown = config.to_yaml(&[]);
    assert_eq!(parse(&shown).unwrap().to_yaml(&[]), shown);
    let all = config.jobs.iter().map(|j| (j.names.validation.name(), j.names.escaping.name()));
    let all: Vec<_> = all.collect();
    for (validation, escaping) in &all {
        assert!(shown.contains(&format!("metric_name_validation_scheme: {validation}")), "{shown}");
        assert!(shown.contains(&format!("metric_name_escaping_scheme: {escaping}")), "{shown}");
    }
    all.iter().map(|(validation, escaping)| format!("{validation}/{escaping}")).collect()
}

#[test]
fn names_are_validated_and_asked_for_as_in_prometheus_3() {
    let dots = "metric_name_escaping_scheme: dots";
    let utf8 = "metric_name_validation_scheme: utf8";
    assert_eq!(
        names("", &["", LEGACY, dots, "metric_name_validation_scheme: ''"]),
        ["utf8/allow-utf-8", "legacy/underscores", "utf8/dots", "utf8/allow-utf-8"]
    );
    assert_eq!(names(LEGACY, &["", utf8, dots]), ["legacy/underscores", "utf8/allow-utf-8", "legacy/dots"]);
    assert_eq!(names(dots, &["", utf8, LEGACY]), ["utf8/dots", "utf8/allow-utf-8", "legacy/underscores"]);
    assert_eq!(
        names(&format!("{LEGACY}, metric_name_escaping_scheme: values"), &["", utf8]),
        ["legacy/values", "utf8/allow-utf-8"]
    );
    let any = "static_configs: [{targets: [a], labels: {a.b: c}}], relabel_configs: [{source_labels: [a.b], target_label: c}]";
    assert_eq!(names(LEGACY, &[any]), ["legacy/underscores"], "rules may rename what is listed");
    assert_eq!(names("external_labels: {a.b: c}", &[]), [""; 0]);
}

#[test]
fn problems_name_file_line_and_field_and_come_together() {
    let job = |rest: &str| format!("scrape_configs:\n- job_name: a\n  {rest}\n");
    let cases = [
        (
            job("scrape_intervall: 5s"),
            "/etc/scrape.yml:3: scrape_intervall: ",
            "unknown field `scrape_intervall`",
        ),
        (job("scrape_interval: 5x"), "/etc/scrape.yml:3: scrape_configs[0].scrape_interval: ", "5x"),
        (job("scrape_timeout: 2m"), "/etc/scrape.yml:3: scrape_configs[0].scrape_timeout: ", "longer"),
        (job("scheme: ftp"), "/etc/scrape.yml:3: scrape_configs[0].scheme: ", "ftp"),
        (job("sample_limit: many"), "/etc/scrape.yml:3: sample_limit: ", ""),
        (job("body_size_limit: 5"), "/etc/scrape.yml:3: scrape_configs[0].body_size_limit: ", "10MB"),
        (job("oauth2: {client_id: x}"), ":3: scrape_configs[0].oauth2: ", "does not support"),
        (job("tls_config: {cert: x}"), ":3: scrape_configs[0].tls_config.cert: ", "needs a key"),
        (job("tls_config: {key_file: x}"), ".tls_config.key: ", "needs a certificate"),
        (job("tls_config: {ca: x, ca_file: y}"), ".tls_config.ca_file: ", "cannot be there beside ca"),
        (job("tls_config: {ca_ref: x}"), ".tls_config.ca_ref: ", "does not support"),
        (job("tls_config: {server_name: 10.0.0.1}"), ".tls_config.server_name: ", "name of a host"),
        (job("tls_config: {min_version: TLS10}"), ".tls_config.min_version: ", "TLS12 and TLS13"),
        (job("tls_config: {min_version: x}"), ".tls_config.min_version: ", "must be TLS12"),
        (
            job("tls_config: {min_version: TLS13, max_version: TLS12}"),
            ".tls_config.max_version: ",
            "below min_version",
        ),
        (job("http_sd_configs: [{}]"), ":3: scrape_configs[0].http_sd_configs[0].url: ", "missing"),
        (job("http_sd_configs: [{url: 'ftp://x'}]"), ".http_sd_configs[0].url: ", "http or https"),
        (job("http_sd_configs: [{url: x}]"), ".http_sd_configs[0].url: ", "relative URL"),
        (
            job("http_sd_configs: [{url: 'http://x', oauth2: {}}]"),
            ".http_sd_configs[0].oauth2: ",
            "does not support",
        ),
        (
            job("http_sd_configs: [{url: 'http://x', bearer_token: a, basic_auth: {}}]"),
            ":3: scrape_configs[0].http_sd_configs[0]: ",
            "at most one",
        ),
        (job("consul_sd_configs: [{server: 'a:1'}]"), ":3: scrape_configs[0].consul_sd_configs: ", "support"),
        (job("static_configs: [{targets: ['http://a:1']}]"), "static_configs[0].targets[0]: ", "http://a:1"),
        (job("static_configs: [{labels: {'': c}}]"), "static_configs[0].labels.: ", "label name"),
        (
            format!("global: {{external_labels: {{a.b: c}}, {LEGACY}}}\n{}", job("scheme: http")),
            "scrape.yml:1: global.external_labels.a.b: ",
            "label name",
        ),
        (
            job("metric_name_validation_scheme: x"),
            ":3: scrape_configs[0].metric_name_validation_scheme: ",
            "legacy",
        ),
        (
            job("metric_name_escaping_scheme: x"),
            ":3: scrape_configs[0].metric_name_escaping_scheme: ",
            "dots, values",
        ),
        (
            job(&format!("{LEGACY}\n  metric_name_escaping_scheme: allow-utf-8")),
            ":4: scrape_configs[0].metric_name_escaping_scheme: ",
            "legacy",
        ),
        (
            format!(
                "global: {{{LEGACY}, metric_name_escaping_scheme: allow-utf-8}}\n{}",
                job("scheme: http")
            ),
            ":3: scrape_configs[0].metric_name_escaping_scheme: ",
            "legacy",
        ),
        (
            "global: {metric_name_escaping_scheme: x}".to_owned(),
            ":1: global.metric_name_escaping_scheme: ",
            "none of",
        ),
        (
            job(&format!("{LEGACY}\n  relabel_configs: [{{target_label: a.b}}]")),
            ":4: scrape_configs[0].relabel_configs[0].target_label: ",
            "a.b",
        ),
        (
            job(&format!("{LEGACY}\n  relabel_configs: [{{action: labelmap, replacement: 'a.$1'}}]")),
            ":4: scrape_configs[0].relabel_configs[0].replacement: ",
            "a.$1",
        ),
        (
            job("metric_relabel_configs: [{action: labelmap, replacement: ''}]"),
            ".metric_relabel_configs[0].replacement: ",
            "label name",
        ),
        (
            job("relabel_configs:\n  - regex: '('\n    action: keep"),
            ":4: scrape_configs[0].relabel_configs[0].regex",
            "",
        ),
        (
            job("relabel_configs:\n  - action: nothing"),
            ":4: scrape_configs[0].relabel_configs[0].action: ",
            "nothing",
        ),
        (job("file_sd_configs: [{files: [a.txt]}]"), "file_sd_configs[0].files[0]: ", "a.txt"),
        (job("basic_auth: {}\n  bearer_token: x"), ":2: scrape_configs[0]: ", "at most one"),
        (job("authorization: {type: Basic, credentials: x}"), "authorization.type: ", "basic_auth"),
        (job("scrape_protocols: []"), ":3: scrape_configs[0].scrape_protocols: ", "empty"),
        (job("scrape_protocols: [text]"), ":3: scrape_configs[0].scrape_protocols[0]: ", "PrometheusProto"),
        (
            job("scrape_protocols: [PrometheusProto, PrometheusProto]"),
            ".scrape_protocols[1]: ",
            "\"PrometheusProto\" is there twice",
        ),
        (job("fallback_scrape_protocol: x"), ":3: scrape_configs[0].fallback_scrape_protocol: ", "none of"),
        (
            job("scrape_classic_histograms: true\n  always_scrape_classic_histograms: true"),
            ":3: scrape_configs[0].scrape_classic_histograms: ",
            "older name",
        ),
        (job("native_histogram_min_bucket_factor: .nan"), "native_histogram_min_bucket_factor: ", "number"),
        ("scrape_configs: [{}]".to_owned(), "/etc/scrape.yml:1: scrape_configs[0].job_name: ", "missing"),
        ("rule_files: [a.yml]".to_owned(), "/etc/scrape.yml:1: rule_files: ", "does not support"),
        (
            "scrape_configs:\n- job_name: a\n- job_name: a".to_owned(),
            ":3: scrape_configs[1].job_name: ",
            "\"a\"",
        ),
        ("a: [".to_owned(), "/etc/scrape.yml:1", ""),
    ];
    for (text, place, message) in cases {
        let error = parse(&text).unwrap_err();
        assert!(error.contains(place) && error.contains(message), "{text}\n{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let error = parse(&job("scheme: ftp\n  scrape_interval: 5x")).unwrap_err();
    assert_eq!(error.lines().count(), 2, "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error = ScrapeConfig::load("/nowhere/scrape.yml").unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/scrape.yml: "), "{error}");
}
