//! LogQL: errors point into the query, and no query breaks the evaluator.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use console_logql::{Error, LogqlConfig, LogqlSource, parse};
use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels,
    log::{Direction, LogEntry, LogStream},
};
use console_storage::{
    logs::{LogAppender, LogReader},
    source::LogsSource,
};

use crate::{
    NOW_MS, corpora,
    runtime::{answer, scratch},
    text,
};

pub const WORDS: &[&str] = &[
    " |~ \"((b{90}){90}){90}\"",
    "{app=\"shop\"}",
    "{app=~\".+\"}",
    " |= \"a\"",
    " != \"b\"",
    " |~ \"(a|b)+\"",
    " !~ \"x\"",
    " | json",
    " | logfmt",
    " | json a=\"b.c[0]\"",
    " | pattern \"<a> <_> <b>\"",
    " | regexp \"(?P<x>\\\\w+)\"",
    " | unpack",
    " | decolorize",
    " | line_format \"{{.app}}\"",
    " | label_format x=app",
    " | line_format `{{ range fromJson .a }}{{ . | printf \"%v\" }}{{ end }}{{ __timestamp__ | date \"2006\" }}`",
    " | label_format x=`{{ .took | duration | mulf 2 }}{{ repeat 9 .app | trunc 5 }}`",
    "approx_topk(2, ",
    " | drop app",
    " | keep app",
    " | unwrap ms",
    " | ip(\"10.0.0.0/8\")",
    " | duration(took) > 5ms",
    " | bytes(size) < 1kb",
    "rate(",
    "count_over_time(",
    "[5m]",
    " offset 1m",
    "sum by (app) (",
    "quantile_over_time(0.9, ",
    "topk(2, ",
    "label_replace(",
    " or ",
    " and ",
    " unless ",
    " > bool ",
    "vector(1)",
    "__error__=\"\"",
    "\"",
    "`",
    "{",
    "}",
    "(",
    ")",
    "\\",
    "é",
    "1e400",
    "9999999999h",
    "\n",
    "#",
];

const QUERIES: [&str; 16] = [
    r#"{app="shop"}"#,
    r#"{app=~"s.*",level!="x"} |= "order" != "no" |~ "(?i)ID" | json | code >= 500"#,
    r#"{app="shop"} | logfmt | took > 5ms and size < 1kb | line_format "{{.app}} {{.took}}""#,
    r#"{app="shop"} | pattern "<method> <path> <_>" | label_format p=path, q="{{.method}}""#,
    r#"{app="shop"} | regexp "(?P<word>\\w+) (?P<n>\\d+)" | n > 3 | drop word"#,
    r#"sum by (app) (rate({app="shop"} |= "order" [5m]))"#,
    r#"quantile_over_time(0.9, {app="shop"} | logfmt | unwrap duration(took) [5m]) by (app)"#,
    r#"topk(1, count_over_time({app=~".+"}[1m] offset 1m)) / on () group_left () vector(2)"#,
    r#"absent_over_time({app="none"}[5m]) or bytes_rate({app="shop"}[1m])"#,
    r#"label_replace(bytes_over_time({app="shop"}[5m]), "x", "$1", "app", "(.*)")"#,
    r#"{app="shop"} | addr = ip("10.0.0.0/8") | unpack | keep addr"#,
    r#"sum(sum_over_time({app="shop"} | json | unwrap code | __error__="" [5m])) > bool 3"#,
    r#"{app="shop"} | json first="a[0]", deep="b.c" | decolorize"#,
    r#"first_over_time({app="shop"} | logfmt | unwrap bytes(size) [5m])"#,
    r#"{app="shop"} | line_format `{{ __line__ | regexReplaceAll "o(.)" "$1" | alignLeft 9 }}{{ unixToTime .code }}`"#,
    r#"approx_topk(1, sum by (app) (stddev_over_time({app=~".+"} | logfmt | unwrap took [5m]) by (app)))"#,
];

pub fn seeds() -> Vec<Vec<u8>> {
    let own = QUERIES.iter().map(|q| q.as_bytes().to_vec());
    own.chain(corpora::evaluated("logql")).collect()
}

pub fn parse_body(data: &[u8]) {
    let text = text::of(data);
    if let Err(Error::Parse { position, .. }) = parse(&text) {
        text::assert_in(position, &text);
    }
}

pub fn eval_body(data: &[u8]) {
    let text = text::of(data);
    if parse(&text).is_err() {
        return;
    }
    let (start_ns, end_ns) = ((NOW_MS - 300_000) * 1_000_000, NOW_MS * 1_000_000);
    let _ = answer(source().query(&text, end_ns, 10, Direction::Backward));
    let _ = answer(source().query_range(&text, start_ns, end_ns, 60_000, 10, Direction::Forward));
}

/// Over a store that lives in memory: its folder is gone before it is read.
fn source() -> &'static LogqlSource {
    static SOURCE: OnceLock<LogqlSource> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let dir = scratch();
        let config = LogStoreConfig { clock: Arc::new(|| NOW_MS), ..LogStoreConfig::new(dir.path()) };
        let store = LogStore::open(config).expect("an empty folder can be opened");
        let (outcome, refused) = store.append(streams()).expect("the folder can be written");
        assert!(outcome.accepted > 0 && refused.is_none(), "{refused:?}");
        let reader: Arc<dyn LogReader> = Arc::new(store);
        let config = LogqlConfig {
            timeout: Duration::from_secs(2),
            max_entries: 100,
            max_series: 50,
            max_samples: 10_000,
            max_points: 20,
            ..LogqlConfig::default()
        };
        LogqlSource::new(reader, config)
    })
}

fn streams() -> Vec<LogStream> {
    let lines = [
        "order 17 accepted",
        r#"{"code":500,"a":[1,{"x":"y"}],"b":{"c":null},"_entry":"packed","addr":"10.1.2.3"}"#,
        "took=5.5ms size=3kb addr=10.1.2.3 bad= =x \"quoted",
        "GET /cart 200 \u{1b}[31mred\u{1b}[0m é",
        "",
        "{\"unfinished\": [1, 2",
    ];
    let entries = |shift: i64| {
        let entry = |(line, i): (&str, i64)| LogEntry {
            t_ns: (NOW_MS - 240_000 + 30_000 * i) * 1_000_000 + shift,
            line: line.to_owned(),
            metadata: if i % 2 == 0 { vec![("trace_id".into(), "abc".into())] } else { Vec::new() },
        };
        lines.into_iter().zip(0..).map(entry).collect()
    };
    let stream = |pairs: &[(&str, &str)], shift| LogStream {
        labels: Labels::from_pairs(pairs.iter().copied()),
        entries: entries(shift),
    };
    vec![stream(&[("app", "shop"), ("level", "info")], 0), stream(&[("app", "edge")], 5)]
}
