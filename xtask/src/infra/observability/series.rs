//! Every series that a rule or a dashboard reads is told by somebody, with the labels that the query names: by a service, as
//! its registry says, or by what `metrics.toml` lists. In the cluster nobody but `rules/cluster.yaml` tells what the local
//! platform's supervisor does.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::Deserialize;

use super::{
    super::{Outcome, Tree, folder},
    at, queries, rules, verdict,
};

/// What a scrape adds, in the cluster or on the local platform.
const OF_TARGETS: [&str; 6] = ["job", "instance", "namespace", "pod", "container", "endpoint"];
/// Who tells what no query need read.
const TOLD_ANYWAY: [&str; 2] = ["console", "spans"];
/// The names of what the console derives from spans.
const SPAN_NAMES: &str = "console/spanmetrics/src/names.rs";
const CONSOLE_SOURCES: [&str; 2] = ["console", "alerting/engine/src"];

#[derive(Deserialize)]
struct File {
    metric: Vec<Metric>,
}

#[derive(Deserialize)]
struct Metric {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    labels: Vec<String>,
    /// Who tells it; a service where the registry has it.
    #[serde(default)]
    from: String,
}

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let registry =
        metrics(&folder::read(&tree.root.join("services/instrumentation/registry/metrics.toml"))?)?;
    let others = metrics(&folder::read(&at(tree, "metrics.toml"))?)?;
    let mut wrong = Vec::new();
    let known = by_series(registry.iter().chain(&others), &mut wrong);
    let read = unknown(tree, &known, &mut wrong)?;
    console(tree, &others, &mut wrong)?;
    spans(tree, &others, &mut wrong)?;
    platform(tree, &others, &mut wrong)?;
    for metric in others.iter().filter(|m| !read.contains(&m.name) && !TOLD_ANYWAY.contains(&m.from.as_str()))
    {
        wrong.push(format!("metrics.toml: nothing reads {}", metric.name));
    }
    verdict(&wrong, format!("{} metrics are read", read.len()))
}

fn metrics(text: &str) -> Result<Vec<Metric>, String> {
    toml::from_str::<File>(text).map(|file| file.metric).map_err(|e| e.to_string())
}

/// Metrics by the names of their series: a histogram has three.
fn by_series<'a>(
    metrics: impl Iterator<Item = &'a Metric>,
    wrong: &mut Vec<String>,
) -> BTreeMap<String, &'a Metric> {
    let mut known = BTreeMap::new();
    for metric in metrics {
        let endings: &[&str] =
            if metric.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        for ending in endings {
            if known.insert(format!("{}{ending}", metric.name), metric).is_some() {
                wrong.push(format!("{} is declared twice", metric.name));
            }
        }
    }
    known
}

/// Tells of series and labels that nobody has, and returns the metrics that are read.
fn unknown(
    tree: &Tree,
    known: &BTreeMap<String, &Metric>,
    wrong: &mut Vec<String>,
) -> Result<BTreeSet<String>, String> {
    let mut metrics = BTreeSet::new();
    let queries = queries::all(tree)?;
    for (query, selectors) in queries.iter().zip(queries::read(&queries)?) {
        // What does not parse is the business of another check.
        for selector in selectors.into_iter().flatten() {
            let Some(metric) = known.get(&selector.metric) else {
                wrong.push(format!("{}: nobody tells {:?}", query.place, selector.metric));
                continue;
            };
            metrics.insert(metric.name.clone());
            let bucket = selector.metric.ends_with("_bucket").then_some("le");
            let has = |label: &str| {
                metric.labels.iter().any(|l| l == label)
                    || OF_TARGETS.contains(&label)
                    || bucket == Some(label)
            };
            for label in selector.labels.iter().filter(|label| !has(label)) {
                wrong.push(format!("{}: {} has no label {label}", query.place, selector.metric));
            }
        }
    }
    Ok(metrics)
}

/// What is said to be the console's stands in its source, and what stands there is said.
fn console(tree: &Tree, others: &[Metric], wrong: &mut Vec<String>) -> Result<(), String> {
    let mut source = String::new();
    for part in CONSOLE_SOURCES {
        for file in folder::files(&tree.root.join(part), ".rs")? {
            // Tests and pages name metrics, too; those that are emitted are named where they are made.
            if !file.components().any(|c| c.as_os_str() == "tests")
                && folder::read(&file)?.contains("Opts::new")
            {
                let _ = writeln!(source, "{}", folder::read(&file)?);
            }
        }
    }
    let emitted: BTreeSet<&str> = source
        .split('"')
        .filter(|word| {
            word.starts_with("quarterdeck_") && !word.contains(|c: char| !c.is_ascii_lowercase() && c != '_')
        })
        .collect();
    let declared: BTreeSet<&str> =
        others.iter().filter(|m| m.from == "console").map(|m| m.name.as_str()).collect();
    for name in declared.difference(&emitted) {
        wrong.push(format!("metrics.toml: the console does not emit {name}"));
    }
    for name in emitted.difference(&declared) {
        wrong.push(format!("metrics.toml: the console emits {name}, which is not there"));
    }
    Ok(())
}

/// What is said to be derived from spans stands where their names do, and what stands there is said.
fn spans(tree: &Tree, others: &[Metric], wrong: &mut Vec<String>) -> Result<(), String> {
    let source = folder::read(&tree.root.join(SPAN_NAMES))?;
    let derived: BTreeSet<&str> = source.split('"').filter(|word| is_derived(word)).collect();
    let declared: BTreeSet<&str> =
        others.iter().filter(|m| m.from == "spans").map(|m| m.name.as_str()).collect();
    for name in declared.symmetric_difference(&derived) {
        wrong.push(format!("metrics.toml and {SPAN_NAMES} do not agree on {name}"));
    }
    Ok(())
}

fn is_derived(word: &str) -> bool {
    word.starts_with("traces_") && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// What alerts read of the local platform's supervisor is made in the cluster, and nothing else is.
fn platform(tree: &Tree, others: &[Metric], wrong: &mut Vec<String>) -> Result<(), String> {
    let rules = rules::all(tree)?;
    let made: BTreeSet<&str> = rules.iter().filter_map(|rule| rule.record.as_deref()).collect();
    for metric in others.iter().filter(|m| m.from == "platform" && !made.contains(m.name.as_str())) {
        for rule in rules.iter().filter(|rule| rule.record.is_none() && rule.expr.contains(&metric.name)) {
            wrong.push(format!(
                "{} reads {}, which nothing tells in the cluster: it would never fire",
                rule.place, metric.name
            ));
        }
    }
    for name in made {
        if !others.iter().any(|m| m.from == "platform" && m.name == name) {
            wrong.push(format!("rules/cluster.yaml makes {name}, which the local platform does not tell"));
        }
    }
    Ok(())
}
