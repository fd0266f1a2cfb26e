//! Range aggregations beside a slow evaluator that runs the log query of every window and does its sums over the lines,
//! on random streams that come from several threads in no order.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

use console_logql::{LogqlConfig, LogqlSource};
use console_model::{
    Labels, Matcher, TimeRange,
    log::{Direction, LogAnswer, LogEntry, LogStream},
    metric::QueryValue,
};
use console_storage::{
    StorageError,
    logs::{LineRef, LineVisitor, LogReader},
    source::LogsSource,
};

use crate::EPOCH_NS;

const SECOND: i64 = 1_000_000_000;

/// Small numbers that look random, the same ones in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Entries in memory, told in runs by three threads.
struct Scattered {
    streams: Vec<LogStream>,
    runs: Mutex<usize>,
}

impl Scattered {
    fn matching(&self, matchers: &[Matcher]) -> Vec<&LogStream> {
        let fits = |s: &&LogStream| {
            matchers.iter().all(|m| {
                let value = s.labels.get(&m.name).unwrap_or_default();
                match m.op {
                    console_model::MatchOp::Equal => value == m.value,
                    console_model::MatchOp::NotEqual => value != m.value,
                    _ => regex::Regex::new(&format!("^(?:{})$", m.value)).unwrap().is_match(value),
                }
            })
        };
        self.streams.iter().filter(fits).collect()
    }
}

impl LogReader for Scattered {
    fn scan(
        &self,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
        _: Direction,
        hints: &[String],
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<u64, StorageError> {
        let matching = self.matching(matchers);
        let mut all: Vec<(&Labels, &LogEntry)> =
            matching.iter().flat_map(|s| s.entries.iter().map(|e| (&s.labels, e))).collect();
        all.retain(|(_, e)| start_ns <= e.t_ns && e.t_ns < end_ns);
        all.retain(|(_, e)| hints.iter().all(|h| e.line.contains(h.as_str())));
        all.sort_by(|a, b| a.1.t_ns.cmp(&b.1.t_ns).then_with(|| a.0.cmp(b.0)));
        for (labels, entry) in all {
            if visit(labels, entry).is_break() {
                break;
            }
        }
        Ok(0)
    }

    fn scan_unordered(
        &self,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
        hints: &[String],
        visit: &LineVisitor<'_>,
    ) -> Result<u64, StorageError> {
        let mut runs = Vec::new();
        for stream in self.matching(matchers) {
            let wanted = |e: &&LogEntry| {
                start_ns <= e.t_ns && e.t_ns < end_ns && hints.iter().all(|h| e.line.contains(h.as_str()))
            };
            let entries: Vec<&LogEntry> = stream.entries.iter().filter(wanted).collect();
            runs.extend(entries.chunks(7).map(|run| (&stream.labels, run.to_vec())));
        }
        *self.runs.lock().unwrap() += runs.len();
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let runs = &runs;
                scope.spawn(move || {
                    for (labels, run) in runs.iter().rev().skip(thread).step_by(3) {
                        let metadata: Vec<Vec<(&str, &str)>> = run
                            .iter()
                            .map(|e| e.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect())
                            .collect();
                        let lines: Vec<LineRef<'_>> = run
                            .iter()
                            .zip(&metadata)
                            .map(|(e, m)| LineRef { t_ns: e.t_ns, line: &e.line, metadata: m })
                            .collect();
                        if visit(labels, &lines).is_break() {
                            return;
                        }
                    }
                });
            }
        });
        Ok(0)
    }

    fn streams(&self, matchers: &[Matcher], _: TimeRange, limit: usize) -> Result<Vec<Labels>, StorageError> {
        Ok(self.matching(matchers).iter().map(|s| s.labels.clone()).take(limit).collect())
    }

    fn label_names(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Arc<LogStream>> {
        tokio::sync::broadcast::channel(1).1
    }
}

fn random(dice: &mut Dice) -> Arc<Scattered> {
    let mut streams = Vec::new();
    for (app, level) in [("a", "info"), ("a", "error"), ("b", "info"), ("c", "")] {
        let labels = Labels::from_pairs([("app", app), ("level", level)]);
        let mut entries: Vec<LogEntry> = (0..60 + dice.roll(60))
            .map(|_| {
                // On whole and half seconds, so that edges of windows are met.
                let t_ns = EPOCH_NS + dice.roll(240) as i64 * SECOND / 2 + streams.len() as i64;
                let code = [200, 404, 500][dice.roll(3) as usize];
                let took = dice.roll(100_000) as f64 / 7.0;
                let line = match dice.roll(3) {
                    0 => format!("code={code} took={took}"),
                    1 => format!("code={code} took={took} slow extra=\"x y\""),
                    _ => format!("code={code} took={took} user={}", dice.roll(3)),
                };
                let metadata = if dice.roll(2) == 0 {
                    vec![("pod".into(), format!("p{}", dice.roll(2)))]
                } else {
                    vec![]
                };
                LogEntry { t_ns, line, metadata }
            })
            .collect();
        entries.sort_by_key(|e| e.t_ns);
        entries.dedup_by_key(|e| e.t_ns);
        streams.push(LogStream { labels, entries });
    }
    Arc::new(Scattered { streams, runs: Mutex::new(0) })
}

struct Case {
    function: &'static str,
    /// Label that is unwrapped.
    unwrap: Option<&'static str>,
    log: &'static str,
    by: Option<&'static [&'static str]>,
    /// The grouping is that of a sum around the function.
    summed: bool,
}

fn value(function: &str, mut points: Vec<(i64, f64)>, seconds: f64) -> f64 {
    points.sort_by_key(|p| p.0);
    let values: Vec<f64> = points.iter().map(|p| p.1).collect();
    let n = values.len() as f64;
    let sum: f64 = values.iter().sum();
    let mean = sum / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    match function {
        "count_over_time" | "bytes_over_time" | "sum_over_time" => sum,
        "rate" | "bytes_rate" => sum / seconds,
        "avg_over_time" => mean,
        "min_over_time" => values.iter().copied().fold(f64::INFINITY, f64::min),
        "max_over_time" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "first_over_time" => values[0],
        "last_over_time" => values[values.len() - 1],
        "stdvar_over_time" => variance,
        "stddev_over_time" => variance.sqrt(),
        other => panic!("{other}"),
    }
}

type Table = BTreeMap<(String, i64), f64>;

/// Window by window, with the lines of each.
async fn slow(source: &LogqlSource, case: &Case, times: &[i64], range: i64, offset: i64) -> Table {
    let mut out = Table::new();
    for t in times {
        let end = t - offset;
        let found = source.query_range(case.log, end - range + 1, end + 1, 1000, 5_000, Direction::Forward);
        let LogAnswer::Streams { streams, .. } = found.await.unwrap() else { panic!("numbers") };
        let mut series: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
        for stream in streams {
            let unwrapped = case.unwrap.and_then(|u| stream.labels.get(u)).map(|v| v.parse::<f64>().unwrap());
            if case.unwrap.is_some() && unwrapped.is_none() {
                continue;
            }
            let kept = |name: &str| Some(name) != case.unwrap && case.by.is_none_or(|by| by.contains(&name));
            let labels = stream.labels.filter(kept).to_string();
            for entry in &stream.entries {
                let one = if case.function.starts_with("bytes") { entry.line.len() as f64 } else { 1.0 };
                series.entry(labels.clone()).or_default().push((entry.t_ns, unwrapped.unwrap_or(one)));
            }
        }
        for (labels, points) in series {
            out.insert((labels, t / 1_000_000), value(case.function, points, range as f64 / 1e9));
        }
    }
    out
}

fn query(case: &Case, range: i64, offset: i64) -> String {
    let unwrap = case.unwrap.map(|u| format!(" | unwrap {u}")).unwrap_or_default();
    let offset = if offset == 0 { String::new() } else { format!(" offset {}ms", offset / 1_000_000) };
    let inner = format!("{}({}{unwrap} [{}ms]{offset})", case.function, case.log, range / 1_000_000);
    match case.by {
        Some(by) if case.summed => format!("sum by ({}) ({inner})", by.join(",")),
        Some(by) => format!("{inner} by ({})", by.join(",")),
        None => inner,
    }
}

async fn fast(source: &LogqlSource, query: &str, times: &[i64], step: i64) -> Table {
    let (start, end) = (times[0], times[times.len() - 1]);
    let found = if times.len() == 1 {
        source.query(query, start, 10, Direction::Forward).await
    } else {
        source.query_range(query, start, end, step / 1_000_000, 10, Direction::Forward).await
    };
    let LogAnswer::Metric(answer) = found.unwrap_or_else(|e| panic!("{query}: {e}")) else { panic!("lines") };
    let mut out = Table::new();
    match answer.value {
        QueryValue::Matrix(series) => {
            for s in series {
                out.extend(s.samples.iter().map(|p| ((s.labels.to_string(), p.t_ms), p.v)));
            }
        }
        QueryValue::Vector(v) => out.extend(v.iter().map(|(l, p)| ((l.to_string(), p.t_ms), p.v))),
        other => panic!("{other:?}"),
    }
    out
}

fn cases() -> Vec<Case> {
    let all = r#"{app=~".+"}"#;
    let parsed = r#"{app=~".+"} | logfmt"#;
    let filtered = r#"{app=~"a|b"} |= "code" |~ "took=.*" | logfmt | code >= 404"#;
    let formatted = r#"{app=~".+"} | logfmt | line_format "{{.code}} {{ .user | default \"-\" }}" | label_format who="{{.user}}""#;
    let mut out = Vec::new();
    for function in ["count_over_time", "rate", "bytes_over_time", "bytes_rate"] {
        for (log, by) in [
            (all, None),
            (all, Some(&["app"][..])),
            (all, Some(&["app", "level"][..])),
            (all, Some(&[][..])),
            (all, Some(&["pod"][..])),
            (filtered, Some(&["code", "app"][..])),
            (formatted, Some(&["who"][..])),
            (r#"{app=~".+"} | logfmt | user="1""#, Some(&["user", "pod"][..])),
        ] {
            out.push(Case { function, unwrap: None, log, by, summed: by.is_some() });
        }
    }
    for function in [
        "sum_over_time",
        "rate",
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "first_over_time",
        "last_over_time",
        "stddev_over_time",
        "stdvar_over_time",
    ] {
        let groups = !matches!(function, "sum_over_time" | "rate");
        for (log, by) in
            [(parsed, Some(&["app", "level"][..])), (filtered, Some(&["code", "level", "app"][..]))]
        {
            out.push(Case { function, unwrap: Some("took"), log, by, summed: !groups });
        }
    }
    out
}

#[tokio::test]
async fn what_is_added_while_lines_pass_is_what_the_lines_of_each_window_add_up_to() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut compared = 0;
    for (step, range, offset, count) in [
        (10 * SECOND, 30 * SECOND, 0, 10),
        (10 * SECOND, 10 * SECOND, 0, 10),
        (10 * SECOND, 25 * SECOND, 0, 8),
        (7 * SECOND, 20 * SECOND, 3 * SECOND, 12),
        (20 * SECOND, 5 * SECOND, 0, 6),
        (SECOND, 60 * SECOND, 0, 20),
        (SECOND, 90 * SECOND, -5 * SECOND, 1),
        (333_000_000, 2 * SECOND, 0, 40),
    ] {
        let reader = random(&mut dice);
        let source = LogqlSource::new(reader.clone(), LogqlConfig::default());
        let times: Vec<i64> = (0..count).map(|i| EPOCH_NS + 20 * SECOND + i * step).collect();
        for case in cases() {
            let query = query(&case, range, offset);
            let (slow, fast) = (
                slow(&source, &case, &times, range, offset).await,
                fast(&source, &query, &times, step).await,
            );
            assert_eq!(
                fast.keys().collect::<Vec<_>>(),
                slow.keys().collect::<Vec<_>>(),
                "{query} every {step} from {}",
                times[0]
            );
            for (key, wanted) in &slow {
                let got = fast[key];
                let scale = wanted.abs().max(1.0);
                assert!((got - wanted).abs() <= 1e-9 * scale, "{query} {key:?}: {got}, not {wanted}");
                compared += 1;
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
}

#[tokio::test]
async fn what_the_store_counts_by_itself_is_not_read_line_by_line() {
    let reader = random(&mut Dice(42));
    let source = LogqlSource::new(reader.clone(), LogqlConfig::default());
    let times: Vec<i64> = (0..6).map(|i| EPOCH_NS + 20 * SECOND + i * 15 * SECOND).collect();
    for (query, read) in [
        (r#"sum by (app) (count_over_time({app=~".+"}[1m]))"#, false),
        (r#"sum(rate({app=~".+"}[1m]))"#, false),
        (r#"sum by (app) (bytes_rate({app=~".+"}[10s]))"#, false),
        (r#"absent_over_time({app="a"}[1m])"#, false),
        // Lines may have these in their metadata.
        (r#"sum by (pod) (count_over_time({app=~".+"}[1m]))"#, true),
        (r#"sum by (level) (count_over_time({app=~".+"}[1m]))"#, true),
        (r#"count_over_time({app=~".+"}[1m])"#, true),
        (r#"sum(count_over_time({app=~".+"} |= "code" [1m]))"#, true),
    ] {
        *reader.runs.lock().unwrap() = 0;
        fast(&source, query, &times, 15 * SECOND).await;
        assert_eq!(*reader.runs.lock().unwrap() > 0, read, "{query}");
    }
}

#[tokio::test]
async fn counts_hold_no_samples_and_quantiles_are_refused_by_name_when_they_hold_too_many() {
    let reader = random(&mut Dice(7));
    let config = LogqlConfig { max_samples: 40, ..LogqlConfig::default() };
    let source = LogqlSource::new(reader, config);
    let at = EPOCH_NS + 200 * SECOND;
    let ask = |query: &'static str| source.query(query, at, 1, Direction::Forward);
    for fine in [
        r#"count_over_time({app="a"} | keep app [5m])"#,
        r#"sum by (app) (sum_over_time({app="a"} | logfmt | unwrap took [5m]))"#,
        r#"stddev_over_time({app="a"} | logfmt | unwrap took [5m]) by (app)"#,
    ] {
        let answer = ask(fine).await.unwrap_or_else(|e| panic!("{fine}: {e}"));
        assert!(
            matches!(answer, LogAnswer::Metric(a) if matches!(&a.value, QueryValue::Vector(v) if v.len() == 1))
        );
    }
    let refused = ask(r#"quantile_over_time(0.5, {app="a"} | logfmt | unwrap took [5m]) by (app)"#).await;
    assert!(refused.unwrap_err().to_string().contains("max_samples (40)"));
}
