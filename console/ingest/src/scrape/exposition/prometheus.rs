//! Prometheus text 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
//!
//! A text may end without a line's end, as Prometheus bears it.

use console_model::metric::MetricKind;

use super::{
    Entry, Sample, SampleValue, SyntaxError,
    cursor::{Blanks, Cursor, number},
    entry::{Quotes, unescape},
};

pub fn parse<'a, E: From<SyntaxError>>(
    text: &'a str,
    mut visit: impl FnMut(Entry<'a, '_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut labels = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let mut cursor = Cursor::new(line, index + 1, Blanks::Free);
        cursor.skip_blanks();
        if cursor.is_at_end() {
            continue;
        }
        if cursor.take("#") {
            if let Some(entry) = comment(cursor)? {
                visit(entry)?;
            }
            continue;
        }
        let start = line.len() - cursor.rest().len();
        let name = cursor.metric_name()?;
        labels.clear();
        cursor.skip_blanks();
        if cursor.take("{") {
            cursor.labels(&mut labels)?;
        }
        let series = &cursor.before().as_bytes()[start..];
        let (value, timestamp_ms) = value(&mut cursor)?;
        visit(Entry::Sample(Sample {
            series,
            name,
            labels: &labels,
            bound: None,
            value: SampleValue::Float(value),
            timestamp_ms,
            exemplars: &[],
        }))?;
    }
    Ok(())
}

/// `value [timestamp]` up to the end.
fn value(cursor: &mut Cursor<'_>) -> Result<(f64, Option<i64>), SyntaxError> {
    cursor.skip_blanks();
    let start = *cursor;
    let value = number(cursor.word("a value")?).ok_or_else(|| start.expected("a value"))?;
    cursor.skip_blanks();
    if cursor.is_at_end() {
        return Ok((value, None));
    }
    let start = *cursor;
    let timestamp = cursor.word("a timestamp")?.parse();
    let timestamp = timestamp.map_err(|_| start.expected("a timestamp in milliseconds"))?;
    cursor.skip_blanks();
    if !cursor.is_at_end() {
        return Err(cursor.expected("the end of the line"));
    }
    Ok((value, Some(timestamp)))
}

/// Behind `#`: metadata, or nothing of interest.
fn comment(mut cursor: Cursor<'_>) -> Result<Option<Entry<'_, '_>>, SyntaxError> {
    cursor.skip_blanks();
    let (keyword, rest) = cursor.rest().split_once([' ', '\t']).unwrap_or((cursor.rest(), ""));
    let is_type = keyword == "TYPE";
    if !is_type && keyword != "HELP" {
        return Ok(None);
    }
    if rest.trim_start_matches([' ', '\t']).is_empty() && !is_type {
        return Ok(None);
    }
    cursor.take(keyword);
    cursor.skip_blanks();
    let family = cursor.metric_name()?;
    if !cursor.is_at_end() && !cursor.rest().starts_with([' ', '\t']) {
        return Err(cursor.expected("a blank behind the metric name"));
    }
    cursor.skip_blanks();
    if !is_type {
        return Ok(Some(Entry::Help { family, help: unescape(cursor.rest(), Quotes::Plain) }));
    }
    let kind = match cursor.rest().trim_end_matches([' ', '\t']) {
        "counter" => MetricKind::Counter,
        "gauge" => MetricKind::Gauge,
        "histogram" => MetricKind::Histogram,
        "gaugehistogram" => MetricKind::GaugeHistogram,
        "summary" => MetricKind::Summary,
        "info" => MetricKind::Info,
        "stateset" => MetricKind::StateSet,
        "untyped" | "unknown" => MetricKind::Unknown,
        _ => return Err(cursor.expected("counter, gauge, histogram, summary or untyped")),
    };
    Ok(Some(Entry::Type { family, kind }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries, a line each; the error last.
    fn read(text: &str) -> String {
        let mut out = String::new();
        let done = parse(text, |entry| {
            match entry {
                Entry::Sample(s) => {
                    let labels: Vec<_> =
                        s.labels.iter().map(|l| format!("{}={:?}", l.name, l.value())).collect();
                    let series = String::from_utf8_lossy(s.series);
                    let value = s.value.float().unwrap();
                    out.push_str(&format!("{series}|{}|{} {value}", s.name, labels.join(",")));
                    out.push_str(&s.timestamp_ms.map(|t| format!(" @{t}")).unwrap_or_default());
                }
                other => out.push_str(&format!("{other:?}")),
            }
            out.push('\n');
            Ok::<(), SyntaxError>(())
        });
        if let Err(e) = done {
            out.push_str(&e.to_string());
        }
        out
    }

    #[test]
    fn samples_have_names_labels_values_and_times() {
        assert_eq!(read("a 1\n"), "a|a| 1\n");
        assert_eq!(read("a:b{} NaN"), "a:b{}|a:b| NaN\n");
        assert_eq!(
            read("a{x=\"1\",y=\"2\",} -1.5e3 -12\n"),
            "a{x=\"1\",y=\"2\",}|a|x=\"1\",y=\"2\" -1500 @-12\n"
        );
        assert_eq!(read(" a { x = \"}\\\" \" }\t+Inf \t\n"), "a { x = \"}\\\" \" }|a|x=\"}\\\" \" inf\n");
        assert_eq!(read("a{x=\"\\\\n\\n\\q\"} 1"), "a{x=\"\\\\n\\n\\q\"}|a|x=\"\\\\n\\n\\\\q\" 1\n");
        assert_eq!(read("\n\n# a comment\n#\n#HELP\n   \n"), "");
    }

    #[test]
    fn metadata_is_read() {
        assert_eq!(
            read("# HELP a It\\n is \\\\ \"good\". \n# TYPE a counter\n# TYPE b untyped\n"),
            "Help { family: \"a\", help: \"It\\n is \\\\ \\\"good\\\". \" }\n\
             Type { family: \"a\", kind: Counter }\nType { family: \"b\", kind: Unknown }\n"
        );
        assert_eq!(read("# HELP a\n"), "Help { family: \"a\", help: \"\" }\n");
    }

    #[test]
    fn errors_have_a_place_and_say_what_was_expected() {
        for (text, error) in [
            ("a 1\n<html>", "line 2, column 1: expected a metric name, found \"<html>\""),
            ("a", "line 1, column 2: expected a value, found the end of the line"),
            ("a b", "line 1, column 3: expected a value, found \"b\""),
            ("a 0x1", "line 1, column 3: expected a value, found \"0x1\""),
            ("a 1 2 3", "line 1, column 7: expected the end of the line, found \"3\""),
            ("a 1 2.5", "line 1, column 5: expected a timestamp in milliseconds, found \"2.5\""),
            ("a{é=\"1\"} 1", "line 1, column 3: expected a label name, found \"é=\\\"1\\\"} 1\""),
            ("a{x=1} 1", "line 1, column 5: expected a quoted label value, found \"1} 1\""),
            ("a{x=\"1} 1", "line 1, column 6: expected a closing quote, found \"1} 1\""),
            ("a{x=\"1\",x=\"2\"} 1", "line 1, column 10: label \"x\" is there twice"),
            (
                "a{x=\"1\"y=\"2\"} 1",
                "line 1, column 8: expected a comma or a closing brace, found \"y=\\\"2\\\"} 1\"",
            ),
            (
                "# TYPE a thing",
                "line 1, column 10: expected counter, gauge, histogram, summary or untyped, found \"thing\"",
            ),
            ("# TYPE", "line 1, column 7: expected a metric name, found the end of the line"),
            ("1", "line 1, column 1: expected a metric name, found \"1\""),
        ] {
            let read = read(text);
            assert_eq!(read.lines().last(), Some(error), "{text}");
        }
    }
}
