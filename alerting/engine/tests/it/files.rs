//! The repository's own files: alerts, runbooks, routing, and the queries that they carry.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use alerting_engine::{
    routing::RoutingConfig,
    rules::{NameValidation, RuleKind, RuleSpec, file},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(dir: &str, extension: &str) -> Vec<PathBuf> {
    let dir = root().join(dir);
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(&dir).expect("the folder exists").filter_map(|e| Some(e.ok()?.path())).collect();
    all.retain(|p| p.extension().is_some_and(|e| e == extension));
    all.sort();
    all
}

fn alerts() -> Vec<RuleSpec> {
    files("alerting/rules", "yml")
        .iter()
        .flat_map(|f| file::load(f, NameValidation::Legacy).unwrap_or_else(|e| panic!("{e}")))
        .flat_map(|g| g.rules)
        .filter(|r| r.kind != RuleKind::Recording)
        .collect()
}

#[test]
fn every_alert_has_its_runbook_and_every_runbook_its_alert() {
    let alerts: BTreeSet<String> = alerts().into_iter().map(|r| r.name).collect();
    let runbooks: BTreeSet<String> = files("runbooks/alerts", "md")
        .iter()
        .map(|p| p.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(alerts, runbooks);
    assert!(alerts.len() >= 8);
}

#[test]
fn every_alert_says_what_a_person_needs() {
    for rule in alerts() {
        for label in ["severity", "service"] {
            assert!(rule.labels.contains_key(label), "{}: label {label}", rule.name);
        }
        for annotation in ["summary", "description", "runbook_url"] {
            assert!(rule.annotations.contains_key(annotation), "{}: annotation {annotation}", rule.name);
        }
        assert_eq!(rule.annotations["runbook_url"], format!("/runbooks/alerts/{}", rule.name));
    }
}

#[test]
fn every_query_of_a_runbook_parses_and_every_runbook_has_its_sections() {
    let mut queries = 0;
    for path in files("runbooks/alerts", "md") {
        let text = std::fs::read_to_string(&path).expect("readable");
        for section in [
            "## Meaning",
            "## Impact",
            "## First look",
            "## Likely causes",
            "## Mitigation",
            "## Escalation",
            "## Verification",
        ] {
            assert!(text.contains(section), "{}: {section}", path.display());
        }
        for block in text.split("```promql\n").skip(1) {
            let query = block.split("```").next().unwrap_or_default();
            let plain = query
                .replace("{{ $labels.service }}", "orders")
                .replace("{{ $labels.instance }}", "orders-1");
            assert!(
                !plain.contains("{{"),
                "{}: only service and instance may be filled in: {query}",
                path.display()
            );
            if let Err(e) = console_promql::parse(plain.trim(), console_promql::ParseOptions::default()) {
                panic!("{}: {query}: {e}", path.display());
            }
            queries += 1;
        }
    }
    assert!(queries >= 8, "each runbook asks at least one question");
}

#[test]
fn the_routing_file_loads_and_everything_in_it_is_supported() {
    let config = RoutingConfig::load(&root().join("alerting/routing/alertmanager.yml"))
        .unwrap_or_else(|e| panic!("{e}"));
    config.unsupported().unwrap_or_else(|e| panic!("{e}"));
    let receiver = |name: &str| {
        let labels = console_model::Labels::from_pairs([("alertname", name)]);
        let found = alerting_engine::routing::tree::matching(&config.routes, &labels);
        config.routes[found[0]].receiver.clone()
    };
    assert_eq!(
        (receiver("PaymentFailures"), receiver("DeadMansSwitch")),
        ("on-call".to_owned(), "null".to_owned())
    );
}

#[test]
fn the_real_tools_accept_the_files() {
    let run = |tool: &str, arguments: &[&str], paths: &[PathBuf]| {
        let program = xtask_programs::path(tool).unwrap();
        let output = Command::new(program).args(arguments).args(paths).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&text));
    };
    run("promtool", &["check", "rules"], &files("alerting/rules", "yml"));
    run("promtool", &["test", "rules"], &files("alerting/rules/tests", "yml"));
    run("amtool", &["check-config"], &[root().join("alerting/routing/alertmanager.yml")]);
}
