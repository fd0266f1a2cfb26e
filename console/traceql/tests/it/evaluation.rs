//! Runs the cases of `tests/evaluation`: what queries answer, not only whether they parse. Its `README.md` describes the
//! language.
//!
//! Every search runs twice, over a reader that skips by conditions as hard as it may and over one that skips nothing: no
//! condition may cost a match.

use std::{path::Path, sync::Arc};

use console_model::{TimeRange, span::AttributeValue};
use console_storage::{
    SourceError,
    source::TracesSource,
    trace_query::{MetricsRange, SearchOptions, SpanMetrics},
};
use console_traceql::{TraceqlConfig, TraceqlSource};

use crate::{memory::Memory, spans};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/evaluation");
/// All files together have at least so many cases.
const CASES: usize = 400;

/// Milliseconds; for metrics.
struct Range {
    start: i64,
    end: i64,
    step: Option<i64>,
}

struct File {
    skipping: TraceqlSource,
    plain: TraceqlSource,
    range: Range,
}

async fn search(source: &TraceqlSource, query: &str) -> String {
    let range = TimeRange { start_ms: 0, end_ms: 100_000 };
    let options = SearchOptions { limit: 100, spans_per_trace: 100 };
    match source.search_with(query, range, options).await {
        Ok(found) => {
            let mut ids: Vec<String> = found
                .traces
                .iter()
                .flat_map(|t| &t.matched)
                .map(|s| format!("{}{}", s.trace_id.0[15], s.span_id.0[7]))
                .collect();
            ids.sort();
            if ids.is_empty() { "none".to_owned() } else { ids.join(" ") }
        }
        Err(e) => refusal(&e),
    }
}

fn refusal(e: &SourceError) -> String {
    format!("! {e}")
}

async fn metric(source: &TraceqlSource, query: &str, range: &Range) -> String {
    let ns = |ms: i64| ms * 1_000_000;
    let asked = MetricsRange {
        start_ns: ns(range.start),
        end_ns: ns(range.end),
        step_ns: range.step.map(ns),
        exemplars: 0,
    };
    match source.metrics_range(query, asked).await {
        Ok(SpanMetrics { series, .. }) if series.is_empty() => "none".to_owned(),
        Ok(SpanMetrics { series, .. }) => {
            let step = range.step.unwrap_or(range.end - range.start);
            let steps = (range.end - range.start + step - 1) / step;
            let ends: Vec<i64> = (1..=steps).map(|i| range.start + i * step).collect();
            let told = series.iter().map(|s| {
                let labels: Vec<String> = s.labels.iter().map(|(n, v)| format!("{n}={}", label(v))).collect();
                let at = |t: &i64| s.samples.iter().find(|(at, _)| at == t);
                let values: Vec<String> =
                    ends.iter().map(|t| at(t).map_or("-".to_owned(), |(_, v)| format!("{v}"))).collect();
                format!("{}: {}", labels.join(","), values.join(" "))
            });
            told.collect::<Vec<_>>().join(" ; ")
        }
        Err(e) => refusal(&e),
    }
}

fn label(v: &AttributeValue) -> String {
    v.to_string()
}

fn agrees(got: &str, wanted: &str) -> bool {
    match wanted.strip_prefix("! ") {
        Some(part) => got.starts_with("! ") && got.contains(part),
        None => got == wanted,
    }
}

/// Answers how many cases the text has, and those that fail.
async fn run(name: &str, text: &str) -> (usize, Vec<String>) {
    let (mut loaded, mut cases, mut failures) = (String::new(), 0, Vec::new());
    let mut file: Option<File> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("use ") {
            loaded.push_str(&std::fs::read_to_string(Path::new(FOLDER).join(name)).unwrap());
            continue;
        }
        if line.starts_with("span ") {
            assert!(file.is_none(), "{name}:{number}: spans come before queries");
            loaded.push_str(line);
            loaded.push('\n');
            continue;
        }
        let this = file.get_or_insert_with(|| {
            let traces = spans::traces(&loaded);
            let source = |skips| {
                let reader = Arc::new(Memory { traces: traces.clone(), skips });
                TraceqlSource::new(reader, TraceqlConfig::default())
            };
            File {
                skipping: source(true),
                plain: source(false),
                range: Range { start: 0, end: 10_000, step: None },
            }
        });
        if let Some(range) = line.strip_prefix("range ") {
            let ms: Vec<i64> = range.split(' ').map(|n| n.parse().unwrap()).collect();
            this.range = Range { start: ms[0], end: ms[1], step: ms.get(2).copied() };
            continue;
        }
        let (query, wanted) = line.rsplit_once(" => ").unwrap_or_else(|| panic!("{name}:{number}: no =>"));
        cases += 1;
        let got = match query.strip_prefix("metric ") {
            Some(query) => {
                let (a, b) =
                    (metric(&this.skipping, query, &this.range), metric(&this.plain, query, &this.range));
                let (a, b) = (a.await, b.await);
                assert_eq!(a, b, "{name}:{number}: conditions cost a match");
                a
            }
            None => {
                let (a, b) = (search(&this.skipping, query).await, search(&this.plain, query).await);
                assert_eq!(a, b, "{name}:{number}: conditions cost a match");
                a
            }
        };
        if !agrees(&got, wanted) {
            failures.push(format!("{name}:{number}: {query}\n    wanted {wanted}\n    got    {got}"));
        }
    }
    (cases, failures)
}

#[tokio::test]
async fn queries_answer_what_the_files_say() {
    let (mut cases, mut failures) = (0, Vec::new());
    let mut paths: Vec<_> =
        std::fs::read_dir(Path::new(FOLDER)).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "txt")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (here, failed) = run(&name, &std::fs::read_to_string(path).unwrap()).await;
        println!("{name}: {here} cases, {} fail", failed.len());
        cases += here;
        failures.extend(failed);
    }
    assert!(failures.is_empty(), "{} of {cases} fail\n{}", failures.len(), failures.join("\n"));
    assert!(cases >= CASES, "{cases} cases are fewer than {CASES}");
}

#[tokio::test]
async fn a_case_that_is_wrong_fails() {
    let span = "span 1/1 - shop GET server 1 5 unset\n";
    let wrong =
        ["{} => none", "{} => 12", "{} => ! error", "{ .a } => 11", "{ => 11", "metric {} | rate() => none"];
    for case in wrong {
        assert_eq!(run("test", &format!("{span}{case}")).await.1.len(), 1, "{case}");
    }
    assert_eq!(run("test", &format!("{span}{{}} => 11\n{{ => ! parse error")).await, (2, vec![]));
}
