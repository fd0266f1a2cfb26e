//! Runs the LogQL corpus where it is present (format: FORMAT.md beside it).

use std::{collections::BTreeMap, fs, path::Path};

use console_model::{
    Labels,
    log::{Direction, LogAnswer, LogEntry, LogStream},
    metric::QueryValue,
};
use console_storage::{logs::LogAppender, source::LogsSource};

use crate::{Bench, EPOCH_NS};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/logql");

/// Evaluations answered as the corpus says, by file. Raise them with the score; they must never fall.
const BASELINE: [(&str, usize); 6] = [
    ("binary_operations", 268),
    ("label_filters", 286),
    ("line_filters", 56),
    ("parsers", 53),
    ("range_aggregations", 241),
    ("vector_aggregations", 115),
];

/// A duration such as `1m30s`; nanoseconds.
fn duration(text: &str) -> i64 {
    let mut rest = text.trim();
    let mut total = 0f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().unwrap_or_else(|_| panic!("duration {text:?}"));
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "" => 0.0,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                unit => panic!("unit {unit:?}"),
            };
        rest = &rest[end..];
    }
    total as i64
}

/// The line without its comment.
fn uncommented(line: &str) -> &str {
    let mut quote = None;
    for (i, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') => return line[..i].trim_end(),
            (None, '"' | '`') => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            _ => {}
        }
    }
    line.trim_end()
}

/// Text up to the closing quote, and the rest behind it.
fn quoted(text: &str) -> (&str, &str) {
    let quote = text.chars().next().unwrap();
    text[1..].split_once(quote).unwrap()
}

/// `{a="b", c=""}` and the rest behind it. Empty values stay.
fn labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut rest = text.strip_prefix('{').unwrap().trim_start();
    let mut out = BTreeMap::new();
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once('=').unwrap();
        // Expected values may hold escaped quotes.
        let end =
            after.char_indices().skip(1).find(|(i, c)| *c == '"' && !after[..*i].ends_with('\\')).unwrap().0;
        out.insert(name.trim().to_owned(), after[1..end].replace("\\\"", "\""));
        rest = after[end + 1..].trim_start().trim_start_matches(',').trim_start();
    }
    (out, rest[1..].trim_start())
}

fn load(bench: &Bench, line: &str) {
    let (stream, rest) = labels(line);
    let (text, rest) = quoted(rest);
    let rest = rest.trim_start().strip_prefix('@').unwrap();
    let (start, options) = rest.split_once('[').map_or((rest, ""), |(s, o)| (s, o));
    let (mut step, mut count, mut metadata) = (0, 1, Vec::new());
    for option in options.split('[') {
        let option = option.trim().trim_end_matches(']').trim();
        if let Some(repeat) = option.strip_prefix("repeat every ") {
            let (every, times) = repeat.split_once(" for ").unwrap();
            (step, count) = (duration(every), times.trim().parse().unwrap());
        } else if let Some(pairs) = option.strip_prefix("metadata ") {
            let mut pairs = pairs.trim();
            while !pairs.is_empty() {
                let (name, after) = pairs.split_once('=').unwrap();
                let (value, after) = quoted(after);
                metadata.push((name.trim_matches('"').to_owned(), value.to_owned()));
                pairs = after.trim_start();
            }
        }
    }
    let entries = (0..count)
        .map(|i| LogEntry {
            t_ns: EPOCH_NS + duration(start) + i * step,
            line: text.replace("{{.i}}", &i.to_string()),
            metadata: metadata.clone(),
        })
        .collect();
    let stream = LogStream { labels: Labels::from_pairs(stream), entries };
    bench.store.append(vec![stream]).unwrap();
}

/// Numbers of an expected series: `_` is a gap, `2+3x2` is 2 5 8.
fn points(text: &str) -> Vec<Option<f64>> {
    let mut out = Vec::new();
    for word in text.split_whitespace() {
        if word == "_" {
            out.push(None);
            continue;
        }
        let Some((base, times)) = word.rsplit_once('x') else {
            out.push(Some(word.parse().unwrap()));
            continue;
        };
        let split = base[1..].find(['+', '-']).map(|i| i + 1);
        let (base, step) = split.map_or((base, "0"), |i| base.split_at(i));
        let (base, step): (f64, f64) = (base.parse().unwrap(), step.parse().unwrap());
        out.extend((0..=times.parse::<u32>().unwrap()).map(|i| Some(base + step * f64::from(i))));
    }
    out
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-9)
        }
        (None, None) => true,
        _ => false,
    }
}

type Row = (BTreeMap<String, String>, Vec<Option<f64>>);

/// The answer in the shape of the expectation.
fn rows(answer: LogAnswer, times_ms: &[i64]) -> Vec<Row> {
    let names = |l: &Labels| l.iter().map(|l| (l.name.to_string(), l.value.to_string())).collect();
    let LogAnswer::Metric(answer) = answer else { panic!("not a metric answer") };
    match answer.value {
        QueryValue::Scalar(s) => vec![(BTreeMap::new(), vec![Some(s.v)])],
        QueryValue::Vector(v) => v.iter().map(|(l, s)| (names(l), vec![Some(s.v)])).collect(),
        QueryValue::Matrix(m) => m
            .iter()
            .map(|s| {
                let at = |t: &i64| s.samples.iter().find(|x| x.t_ms == *t).map(|x| x.v);
                (names(&s.labels), times_ms.iter().map(at).collect())
            })
            .collect(),
        QueryValue::PointVector { .. } | QueryValue::PointMatrix(_) | QueryValue::String { .. } => {
            panic!("neither floats nor a scalar")
        }
    }
}

fn judge(
    result: Result<LogAnswer, console_storage::SourceError>,
    times_ms: &[i64],
    wanted: &[String],
) -> Result<(), String> {
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).filter(|w| !w.starts_with("skip ")).collect();
    if let Some(failure) = wanted.iter().find_map(|w| w.strip_prefix("expect fail")) {
        let message = match result {
            Ok(answer) => return Err(format!("answered {:?}", rows(answer, times_ms))),
            Err(console_storage::SourceError::Unsupported(m)) => return Err(m),
            Err(e) => e.to_string(),
        };
        let fits = match failure.trim().split_once(": ") {
            Some(("msg", text)) => message.contains(text.trim()),
            Some(("regex", pattern)) => message.contains(pattern.trim()),
            _ => true,
        };
        return if fits { Ok(()) } else { Err(format!("failed with {message}")) };
    }
    let mut got = rows(result.map_err(|e| e.to_string())?, times_ms);
    let ordered = wanted.contains(&"expect ordered");
    let mut expected: Vec<Row> = wanted
        .iter()
        .filter(|w| !w.starts_with("expect "))
        .map(|w| if w.starts_with('{') { labels(w) } else { (BTreeMap::new(), *w) })
        .map(|(l, text)| (l, points(text)))
        .collect();
    if !ordered {
        got.sort_by(|a, b| a.0.cmp(&b.0));
        expected.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let same = got.len() == expected.len()
        && got.iter().zip(&expected).all(|(g, e)| {
            g.0 == e.0 && g.1.len() == e.1.len() && g.1.iter().zip(&e.1).all(|(a, b)| close(*a, *b))
        });
    if same { Ok(()) } else { Err(format!("got {got:?}\n      expected {expected:?}")) }
}

async fn eval(bench: &Bench, head: &str, wanted: &[String]) -> Result<(), String> {
    let (query, start, end, step) = if let Some(rest) = head.strip_prefix("eval instant at ") {
        let (at, query) = rest.split_once(' ').unwrap();
        (query, duration(at), duration(at), 0)
    } else {
        let rest = head.strip_prefix("eval range from ").unwrap();
        let words: Vec<&str> = rest.splitn(6, ' ').collect();
        (words[5], duration(words[0]), duration(words[2]), duration(words[4]))
    };
    let (from, to) = (EPOCH_NS + start, EPOCH_NS + end);
    if step == 0 {
        let result = bench.source.query(query.trim(), from, 100, Direction::Forward).await;
        return judge(result, &[], wanted);
    }
    let times: Vec<i64> = (0..=(end - start) / step).map(|i| (from + i * step) / 1_000_000).collect();
    let result =
        bench.source.query_range(query.trim(), from, to, step / 1_000_000, 100, Direction::Forward).await;
    judge(result, &times, wanted)
}

/// Right answers, and all evaluations.
async fn run(path: &Path) -> (usize, usize) {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().map(uncommented).collect();
    let mut bench = Bench::new(console_logql::LogqlConfig::default());
    let (mut right, mut total, mut loading, mut i) = (0, 0, false, 0);
    while i < lines.len() {
        let line = lines[i];
        i += 1;
        if line == "clear" {
            bench = Bench::new(console_logql::LogqlConfig::default());
        } else if line.starts_with("eval ") {
            let mut wanted = Vec::new();
            let commented = |n: usize| text.lines().nth(n).is_some_and(|l| l.trim_start().starts_with('#'));
            while i < lines.len() && (lines[i].starts_with(' ') || lines[i].is_empty() && commented(i)) {
                if !lines[i].is_empty() {
                    wanted.push(lines[i].trim().to_owned());
                }
                i += 1;
            }
            assert!(!wanted.is_empty(), "{}:{i}: nothing expected", path.display());
            total += 1;
            match eval(&bench, line, &wanted).await {
                Ok(()) => right += 1,
                Err(why) => println!("  {}:{i}: {line}\n      {why}", path.display()),
            }
        } else if loading && line.starts_with(' ') && !line.trim().is_empty() {
            load(&bench, line.trim());
            continue;
        }
        loading = line == "load" || loading && line.is_empty();
    }
    (right, total)
}

#[tokio::test]
async fn the_corpus_score_does_not_fall() {
    if !Path::new(CORPUS).exists() {
        println!("logql corpus: skipped, {CORPUS} is absent");
        return;
    }
    let (mut all_right, mut all) = (0, 0);
    let mut fallen = Vec::new();
    for (name, baseline) in BASELINE {
        let (right, total) = run(&Path::new(CORPUS).join(format!("{name}.logqltest"))).await;
        println!("logql corpus: {name} {right} of {total}");
        (all_right, all) = (all_right + right, all + total);
        if right < baseline {
            fallen.push(format!("{name}: {right} fell below {baseline}"));
        }
    }
    println!("logql corpus: {all_right} of {all}");
    assert!(fallen.is_empty(), "{fallen:?}");
}
