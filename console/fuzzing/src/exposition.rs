//! The text formats of targets: Prometheus text and OpenMetrics.

use console_ingest::scrape::exposition::{Entry, Format, Histograms, Place, Sample, SyntaxError, parse};

use crate::corpora;

pub const WORDS: &[&str] = &[
    "# TYPE ",
    "# HELP ",
    "# UNIT ",
    "# EOF\n",
    "# EOF",
    " counter\n",
    " histogram\n",
    " gaugehistogram\n",
    " summary\n",
    " info\n",
    " stateset\n",
    "_total",
    "_bucket",
    "_count",
    "_sum",
    "_created",
    "_gcount",
    "_info",
    "{",
    "}",
    "le=\"",
    "{\"",
    "\",\"",
    "\"=\"",
    "quantile=\"",
    "+Inf",
    "-Inf",
    "NaN",
    " # {",
    "\\",
    "\\n",
    "\"",
    "\n",
    "\r\n",
    "\t",
    " ",
    "1e308",
    "0x1p-3",
    "1_0",
    "-9223372036854775808",
    "9223372036854775807",
    "é",
    "\u{feff}",
];

const SEEDS: [&str; 5] = [
    "# HELP http_requests_total The \\\\ total.\n# TYPE http_requests_total counter\n\
     http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\nhttp_requests_total{code=\"a\\\"\\n\"} 3\n\
     # a comment\nmetric_without_timestamp_and_labels 12.47\nx{a=\"b\",} -Inf -3982045\n\
     # TYPE rpc summary\nrpc{quantile=\"0.01\"} 3102\nrpc_sum 1.7560473e+07\nrpc_count 2693\n",
    "# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n# HELP a_seconds Help.\n\
     a_seconds_bucket{x=\"\\\"\",le=\"1.0\"} 1 1.5 # {id=\"1\"} 0.5 1\na_seconds_bucket{x=\"\\\"\",le=\"+Inf\"} 2 1.5\n\
     a_seconds_count{x=\"\\\"\"} 2 1.5\na_seconds_sum{x=\"\\\"\"} 3 1.5\na_seconds_created{x=\"\\\"\"} 1 1.5\n# EOF\n",
    "# TYPE s stateset\ns{s=\"a\"} 1\ns{s=\"b\"} 0\n# TYPE i info\ni_info{version=\"1\"} 1\n# TYPE c counter\n\
     c_total 1 # {trace_id=\"KOO5S4vxi0o\"} 0.67\n# TYPE g gaugehistogram\ng_bucket{le=\"+Inf\"} 1\ng_gcount 1\n# EOF\n",
    "# HELP \"http.requests\" All.\n# TYPE \"http.requests\" counter\n\
     {\"http.requests_total\",\"http.method\"=\"GET\"} 5 # {\"trace.id\"=\"1\"} 1\n\
     {a=\"b\",\"a \\\"n\\\\a\\nme\"} 1\n# TYPE \"h.s\" histogram\n{\"h.s_bucket\",\"le\"=\"+Inf\"} 1\n# EOF\n",
    "",
];

pub fn seeds() -> Vec<Vec<u8>> {
    let own = SEEDS.iter().map(|s| s.as_bytes().to_vec());
    own.chain(corpora::files("openmetrics").into_iter().filter(|f| !f.starts_with(b"{"))).collect()
}

/// Classic histograms as they are, and as native ones too.
const CONVERTED: Histograms = Histograms { native: true, classic_too: true, convert: true };

/// Whatever is shown is part of the text; whatever is refused has a place in it.
pub fn body(data: &[u8]) {
    for format in [Format::Prometheus, Format::OpenMetrics] {
        for histograms in [Histograms::default(), CONVERTED] {
            let read = parse(format, histograms, data, |entry| {
                if let Entry::Sample(sample) = entry {
                    check(&sample);
                    let starts = |with: &[u8]| sample.series.starts_with(with);
                    assert!(starts(sample.name.as_bytes()) || starts(b"{"), "{sample:?}");
                }
                Ok::<(), SyntaxError>(())
            });
            if let Err(SyntaxError { place: Place::Text { line, column }, .. }) = read {
                assert!(line >= 1 && line <= data.split(|b| *b == b'\n').count(), "{line}");
                assert!(column >= 1 && column <= data.len() + 1, "{column}");
            }
        }
    }
}

/// Labels have names, each once, and values that are not longer than they are written.
pub(crate) fn check(sample: &Sample<'_, '_>) {
    assert!(sample.labels.iter().all(|l| !l.name.is_empty() && l.value().len() <= l.raw.len()));
    let mut names: Vec<&str> = sample.labels.iter().map(|l| l.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|w| w[0] != w[1]), "a label twice: {:?}", sample.labels);
}
