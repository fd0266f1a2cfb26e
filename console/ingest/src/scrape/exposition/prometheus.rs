//! Prometheus text 0.0.4 and 1.0.0 (prometheus.io/docs/instrumenting/exposition_formats), as Prometheus reads it
//! (prometheus/model/textparse: `PromParser`), for whom the two are one. Times before 1970 are read as well, which the
//! format has and its parser has not.
//!
//! A text may end without a line's end.

use console_model::metric::MetricKind;

use super::{
    Entry, Sample, SampleValue, SyntaxError,
    cursor::{Blanks, Cursor, number},
    entry::{Quotes, unescape},
};

const BLANKS: [char; 2] = [' ', '\t'];

pub fn parse<'a, E: From<SyntaxError>>(
    text: &'a str,
    mut visit: impl FnMut(Entry<'a, '_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut labels = Vec::new();
    let mut cursor = Cursor::new(text, Blanks::Free);
    while cursor.next_line() {
        cursor.skip_blanks();
        if cursor.is_at_end() {
            continue;
        }
        if cursor.take("#") {
            if let Some(entry) = comment(&mut cursor)? {
                visit(entry)?;
            }
            continue;
        }
        let start = cursor.at();
        let name = cursor.series(&mut labels)?;
        let series = &cursor.before().as_bytes()[start..];
        let (value, timestamp_ms) = value(&mut cursor)?;
        visit(Entry::Sample(Sample {
            series,
            name: &name,
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
fn comment<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Entry<'a, 'a>>, SyntaxError> {
    let Some(is_type) = keyword(cursor) else { return Ok(None) };
    let family = cursor.family_name()?;
    let rest = cursor.rest();
    let text = if rest.trim_start_matches(BLANKS).is_empty() {
        ""
    } else if rest.as_bytes()[0].is_ascii() {
        // One character separates, whichever it is; the others belong to the text.
        &rest[1..]
    } else {
        return Err(cursor.expected("a blank behind the metric name"));
    };
    if !is_type {
        return Ok(Some(Entry::Help { family, help: unescape(text, Quotes::Plain) }));
    }
    let kind = match text {
        "counter" => MetricKind::Counter,
        "gauge" => MetricKind::Gauge,
        "histogram" => MetricKind::Histogram,
        "summary" => MetricKind::Summary,
        "untyped" => MetricKind::Unknown,
        _ => return Err(cursor.expected("one blank and counter, gauge, histogram, summary or untyped")),
    };
    Ok(Some(Entry::Type { family, kind }))
}

/// Goes past `TYPE` or `HELP` between blanks, and says whether it is the former.
fn keyword(cursor: &mut Cursor<'_>) -> Option<bool> {
    if !cursor.rest().starts_with(BLANKS) {
        return None;
    }
    cursor.skip_blanks();
    let is_type = cursor.take("TYPE");
    if !(is_type || cursor.take("HELP")) || !cursor.rest().starts_with(BLANKS) {
        return None;
    }
    cursor.skip_blanks();
    Some(is_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrape::exposition::testing::shown;

    /// Entries, a line each; the error last.
    fn read(text: &str) -> String {
        shown(true, |visit| parse(text, visit))
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
        assert_eq!(read("a { x = \"1\" y = \"2\" }1"), "a { x = \"1\" y = \"2\" }|a|x=\"1\",y=\"2\" 1\n");
        assert_eq!(read("a{x=\"\0\"} 1"), "a{x=\"\0\"}|a|x=\"\\0\" 1\n");
    }

    #[test]
    fn no_metric_has_labels_without_end() {
        let with = |labels: usize| {
            let all: Vec<_> = (0..labels).map(|i| format!("l{i}=\"\"")).collect();
            format!("a{{{}}} 1", all.join(","))
        };
        assert!(read(&with(1000)).ends_with(" 1\n"));
        assert!(read(&with(1001)).ends_with("a metric has more than 1000 labels"));
    }

    #[test]
    fn comments_say_nothing() {
        let comments = "\n\n# a comment\n#\n#HELP a b\n#TYPE a thing\n# HELPless\n# HELP\n# TYPE\n# UNIT a b\n   \n\t# x";
        assert_eq!(read(comments), "");
    }

    #[test]
    fn names_in_quotes_may_be_any_text() {
        assert_eq!(read(r#"{"my.metric"} 1"#), "{\"my.metric\"}|my.metric| 1\n");
        assert_eq!(read(r#"{"my.metric",a="b"}1"#), "{\"my.metric\",a=\"b\"}|my.metric|a=\"b\" 1\n");
        assert_eq!(
            read(r#" { a = "b" "my.metric" , "c.d" = "e" , } 1 2"#),
            "{ a = \"b\" \"my.metric\" , \"c.d\" = \"e\" , }|my.metric|a=\"b\",c.d=\"e\" 1 @2\n"
        );
        let escapes = r#"{"a\\n \"b\" {c\nd} \q", "é\n"="\\"} 1"#;
        assert_eq!(
            read(escapes),
            format!("{}|a\\n \"b\" {{c\nd}} \\q|é\n=\"\\\\\" 1\n", &escapes[..escapes.len() - 2])
        );
        assert_eq!(read(r#"a{"b"="c","d.e"="f"} 1"#), "a{\"b\"=\"c\",\"d.e\"=\"f\"}|a|b=\"c\",d.e=\"f\" 1\n");
    }

    #[test]
    fn quotes_may_have_line_ends_in_them() {
        assert_eq!(read("a{x=\"1\n2\"} 1\nb 2"), "a{x=\"1\n2\"}|a|x=\"1\\n2\" 1\nb|b| 2\n");
        assert_eq!(
            read("{\"a\nb\"} 1\n# TYPE \"a\nb\" gauge\nb 2"),
            "{\"a\nb\"}|a\nb| 1\nType { family: \"a\\nb\", kind: Gauge }\nb|b| 2\n"
        );
        assert_eq!(read("{\"a\n\n\"} x"), "line 3, column 4: expected a value, found \"x\"");
        assert_eq!(
            read("{\"a\n\"} 1\nb x"),
            "{\"a\n\"}|a\n| 1\nline 3, column 3: expected a value, found \"x\""
        );
        assert_eq!(read("a{x=\"1\\\n\"} 1"), "line 1, column 6: expected a closing quote, found \"1\\\\\"");
    }

    #[test]
    fn metadata_is_read() {
        assert_eq!(
            read("# HELP a It\\n is \\\\ \"good\". \n# TYPE a counter\n# TYPE b untyped\n"),
            "Help { family: \"a\", help: \"It\\n is \\\\ \\\"good\\\". \" }\n\
             Type { family: \"a\", kind: Counter }\nType { family: \"b\", kind: Unknown }\n"
        );
        assert_eq!(read("# HELP a\n# HELP a  \t"), "Help { family: \"a\", help: \"\" }\n".repeat(2));
        assert_eq!(read("#\tHELP \ta  b\0 "), "Help { family: \"a\", help: \" b\\0 \" }\n");
        assert_eq!(
            read("# HELP \"a.b\" c\n # \tTYPE \"\\\"\\\\\" counter\n"),
            "Help { family: \"a.b\", help: \"c\" }\nType { family: \"\\\"\\\\\", kind: Counter }\n"
        );
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
            ("a{x=\"1\" 2} 1", "line 1, column 9: expected a comma or a closing brace, found \"2} 1\""),
            ("a{x=\"1\",,} 1", "line 1, column 9: expected a label name, found \",} 1\""),
            ("a{,} 1", "line 1, column 3: expected a label name, found \",} 1\""),
            ("a{b:c=\"1\"} 1", "line 1, column 4: expected =, found \":c=\\\"1\\\"} 1\""),
            ("a 1e400", "line 1, column 3: expected a value, found \"1e400\""),
            ("a 1 2\0", "line 1, column 5: expected a timestamp in milliseconds, found \"2\\0\""),
            (
                "# TYPE a thing",
                "line 1, column 9: expected one blank and counter, gauge, histogram, summary or untyped, found \" thing\"",
            ),
            (
                "# TYPE a counter ",
                "line 1, column 9: expected one blank and counter, gauge, histogram, summary or untyped, found \" counter \"",
            ),
            ("# TYPE ", "line 1, column 8: expected a metric name, found the end of the line"),
            ("# HELP #", "line 1, column 8: expected a metric name, found \"#\""),
            ("# HELP \"\" x", "line 1, column 8: the metric's name is empty"),
            ("# HELP aé", "line 1, column 9: expected a blank behind the metric name, found \"é\""),
            ("{} 1", "line 1, column 1: the metric has no name"),
            (" {a=\"ok\"} 1", "line 1, column 2: the metric has no name"),
            ("{a} 1", "line 1, column 3: expected =, found \"} 1\""),
            ("{\"a\" b=\"c\"} 1", "line 1, column 6: expected =, found \"b=\\\"c\\\"} 1\""),
            ("{\"a\", \"b\"} 1", "line 1, column 7: the metric's name is there twice"),
            ("a{\"b\"} 1", "line 1, column 3: the metric's name is there twice"),
            ("{\"\"} 1", "line 1, column 2: the metric's name is empty"),
            ("a{\"\"=\"b\"} 1", "line 1, column 3: a label's name is empty"),
            ("{\"a\0\"} 1", "line 1, column 3: a null character cannot be here"),
            ("{\"a\",\"b\"=\"1\",b=\"2\"} 1", "line 1, column 15: label \"b\" is there twice"),
            ("a{\"\\q\"=\"1\",\"\\\\q\"=\"2\"} 1", "line 1, column 17: label \"\\\\q\" is there twice"),
            ("{\"a\", \"b = \"c\"}", "line 1, column 13: expected =, found \"c\\\"}\""),
            ("1", "line 1, column 1: expected a metric name, found \"1\""),
        ] {
            let read = read(text);
            assert_eq!(read.lines().last(), Some(error), "{text}");
        }
    }
}
