//! OpenMetrics text 1.0 (github.com/prometheus/OpenMetrics, specification/OpenMetrics.md, "Text format"), with names in
//! quotes as Prometheus reads them (prometheus/model/textparse: `OpenMetricsParser`). `_created` are samples like others.

mod family;
mod histogram;
mod sample;

use std::collections::HashSet;

use console_model::metric::MetricKind;
use family::Family;

use super::{
    Entry, Sample, SampleValue, SyntaxError,
    cursor::{Blanks, Cursor},
    entry::{Quotes, unescape},
};

pub fn parse<'a, E: From<SyntaxError>>(
    text: &'a str,
    mut visit: impl FnMut(Entry<'a, '_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut families = Families::default();
    let mut labels = Vec::new();
    let mut cursor = Cursor::new(text, Blanks::Strict);
    loop {
        if !cursor.next_line() || cursor.is_at_end_of_text() {
            return Err(cursor.error("# EOF is missing at the end").into());
        }
        if cursor.rest() == "# EOF" {
            break;
        }
        if cursor.rest().starts_with('#') {
            visit(families.metadata(&mut cursor)?)?;
            continue;
        }
        let read = sample::read(&mut cursor, &mut labels)?;
        families.sample(&read, &labels, &cursor)?;
        let sample::Line { series, name, value, timestamp, exemplar } = read;
        let timestamp_ms = timestamp.map(sample::milliseconds);
        visit(Entry::Sample(Sample {
            series: series.as_bytes(),
            name: &name,
            labels: &labels,
            bound: None,
            value: SampleValue::Float(value),
            timestamp_ms,
            exemplars: exemplar.as_slice(),
        }))?;
    }
    families.finish(&cursor)?;
    if cursor.next_line() && !cursor.is_at_end_of_text() {
        return Err(cursor.error("there is text behind # EOF").into());
    }
    Ok(())
}

/// The family that is being read, and the names of the ones before.
#[derive(Default)]
struct Families<'a> {
    current: Option<Family<'a>>,
    /// Every name that a family occupies.
    taken: HashSet<String>,
}

impl<'a> Families<'a> {
    fn metadata(&mut self, cursor: &mut Cursor<'a>) -> Result<Entry<'a, 'a>, SyntaxError> {
        let start = *cursor;
        let keyword = ["# TYPE ", "# HELP ", "# UNIT "].into_iter().find(|k| cursor.take(k));
        let Some(keyword) = keyword else {
            return Err(cursor.expected("# TYPE, # HELP or # UNIT with a name and a text, or # EOF"));
        };
        let name = cursor.family_name()?;
        if !cursor.take(" ") {
            return Err(cursor.expected("one space and a text behind the metric name"));
        }
        let text = cursor.rest();
        let family = match &mut self.current {
            Some(family) if family.name == name => family,
            _ => {
                self.finish(&start)?;
                self.current.insert(Family::new(name.clone()))
            }
        };
        family.metadata(&keyword[2..6]).map_err(|message| start.error(message))?;
        Ok(match keyword {
            "# HELP " => Entry::Help { family: name, help: unescape(text, Quotes::Escaped) },
            "# UNIT " => {
                family.unit = text;
                Entry::Unit { family: name, unit: text }
            }
            _ => {
                family.kind = kind(text).ok_or_else(|| cursor.error(format!("{text:?} is not a type")))?;
                Entry::Type { family: name, kind: family.kind }
            }
        })
    }

    fn sample(
        &mut self,
        line: &sample::Line<'a>,
        labels: &[super::LabelText<'a>],
        cursor: &Cursor<'_>,
    ) -> Result<(), SyntaxError> {
        let family = match &mut self.current {
            Some(family) if family.owns(&line.name) => family,
            _ => {
                self.finish(cursor)?;
                self.current.insert(Family::new(line.name.clone()))
            }
        };
        family.sample(line, labels).map_err(|message| cursor.error(message))
    }

    /// Checks the current family as a whole.
    fn finish(&mut self, cursor: &Cursor<'_>) -> Result<(), SyntaxError> {
        let Some(family) = self.current.take() else { return Ok(()) };
        family.finish().map_err(|message| cursor.error(message))?;
        for name in family.names() {
            if !self.taken.insert(name.clone()) {
                return Err(cursor.error(format!("the name {name} belongs to two metric families")));
            }
        }
        Ok(())
    }
}

fn kind(text: &str) -> Option<MetricKind> {
    Some(match text {
        "counter" => MetricKind::Counter,
        "gauge" => MetricKind::Gauge,
        "histogram" => MetricKind::Histogram,
        "gaugehistogram" => MetricKind::GaugeHistogram,
        "summary" => MetricKind::Summary,
        "info" => MetricKind::Info,
        "stateset" => MetricKind::StateSet,
        "unknown" => MetricKind::Unknown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrape::exposition::testing::shown;

    /// Entries, a line each; the error last.
    fn read(text: &str) -> String {
        shown(false, |visit| parse(text, visit))
    }

    fn error(text: &str) -> String {
        read(text).lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn names_in_quotes_may_be_any_text() {
        let text = concat!(
            "# HELP \"req.time seconds\" How \\\"long\\\".\n",
            "# TYPE \"req.time seconds\" summary\n",
            "# UNIT \"req.time seconds\" \n",
            "{\"req.time seconds\",quantile=\"0.5\"} 1\n",
            "{quantile=\"0.9\",\"req.time seconds\"} 2 1.5\n",
            "{\"req.time seconds_created\",\"a.b\"=\"c\"} 3\n",
            "# TYPE \"a\\\\b\\n\" stateset\n",
            "{\"a\\\\b\\n\",\"a\\\\b\\n\"=\"on\"} 1\n",
            "# TYPE c counter\n",
            "{\"c_total\",} 1 # {\"id.thing\"=\"\\\"x\\\"\",other=\"y\"} 4\n",
            "# EOF\n"
        );
        // One metric has a time and the other none.
        assert!(read(text).ends_with("some samples of a metric have a timestamp, and some have none"));
        let expected = concat!(
            "Help { family: \"req.time seconds\", help: \"How \\\"long\\\".\" }\n",
            "Type { family: \"req.time seconds\", kind: Summary }\n",
            "Unit { family: \"req.time seconds\", unit: \"\" }\n",
            "req.time seconds|quantile=\"0.5\" 1\n",
            "req.time seconds|quantile=\"0.9\" 2\n",
            "req.time seconds_created|a.b=\"c\" 3\n",
            "Type { family: \"a\\\\b\\n\", kind: StateSet }\n",
            "a\\b\n|a\\b\n=\"on\" 1\n",
            "Type { family: \"c\", kind: Counter }\n",
            "c_total| 1 # id.thing=\"\\\"x\\\"\",other=\"y\" 4\n",
        );
        assert_eq!(read(&text.replace(" 1.5\n", "\n")), expected);
    }

    #[test]
    fn quoted_names_may_have_line_ends_in_them_and_values_may_not() {
        let text = "# TYPE \"a\nb\" gauge\n{\"a\nb\",\"c\nd\"=\"1\"} 1\nx y\n";
        assert_eq!(
            read(text),
            "Type { family: \"a\\nb\", kind: Gauge }\na\nb|c\nd=\"1\" 1\n\
             line 6, column 3: expected a value, found \"y\""
        );
        assert_eq!(
            error("a{b=\"1\n2\"} 1\n# EOF"),
            "line 1, column 6: expected a closing quote, found \"1\""
        );
        let exemplar = "# TYPE a counter\na_total 1 # {\"b\n\"=\"1\"} 1\n# EOF";
        assert_eq!(error(exemplar), "line 2, column 15: expected a closing quote, found \"b\"");
    }

    #[test]
    fn what_only_openmetrics_forbids_is_borne() {
        let interleaved =
            "# TYPE a counter\na_total{b=\"1\"} 1\na_total{b=\"2\"} 1\na_created{b=\"1\"} 1\n# EOF";
        let parts =
            "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1.5\nh_sum 1\nh_count 1.5 # {id=\"1\"} 1\n# EOF";
        let exemplars = "a 1 # {id=\"1\"} 1\n# TYPE s summary\ns_sum 1 # {id=\"1\"} 1\n# EOF";
        let created = "# TYPE a counter\na_created 1\na_total 1 5\na_created 1\na_total 1 6\n# EOF";
        let bare = "# TYPE a_total counter\n# HELP a_total b\na_total 1 # {id=\"1\"} 1\n# EOF";
        for (text, lines) in [(interleaved, 4), (parts, 4), (exemplars, 3), (created, 5), (bare, 3)] {
            assert_eq!(read(text).lines().count(), lines, "{}", read(text));
            assert!(read(text).ends_with('\n'), "{}", error(text));
        }
        for refused in
            ["# TYPE a gauge\na 1 # {} 1\n", "a_sum 1 # {} 1\n", "# TYPE a counter\na_created 1 # {} 1\n"]
        {
            assert!(error(refused).ends_with("cannot have an exemplar"), "{refused}");
        }
    }

    #[test]
    fn times_lose_what_is_less_than_a_millisecond() {
        assert_eq!(read("a 1 1.9999\n# EOF"), "a| 1 @1999\n");
        assert_eq!(read("a 1 -0.0019\n# EOF"), "a| 1 @-1\n");
    }

    #[test]
    fn errors_have_a_place_and_say_what_was_expected() {
        for (text, said) in [
            ("", "line 1, column 1: # EOF is missing at the end"),
            ("a 1\n", "line 2, column 1: # EOF is missing at the end"),
            ("a 1", "line 1, column 4: # EOF is missing at the end"),
            ("# EOF\n\n", "line 2, column 1: there is text behind # EOF"),
            ("\n# EOF", "line 1, column 1: expected a metric name, found the end of the line"),
            ("# TYPE \n# EOF", "line 1, column 8: expected a metric name, found the end of the line"),
            (
                "# TYPE \"a.b\"\n# EOF",
                "line 1, column 13: expected one space and a text behind the metric name, found the end of the line",
            ),
            ("# TYPE \"a.b\" untyped\n", "line 1, column 14: \"untyped\" is not a type"),
            ("# TYPE \"a.b\" gauge\n# TYPE \"a.b\" gauge\n", "line 2, column 1: a.b has TYPE twice"),
            ("# UNIT \"a.b\" c\n# EOF", "line 2, column 1: the name a.b does not end in its unit \"c\""),
            ("{b=\"c\"} 1\n", "line 1, column 1: the metric has no name"),
            ("a{\"b.c\"} 1\n", "line 1, column 3: the metric's name is there twice"),
            ("{\"a\",b=\"c\",} 1\n", "line 1, column 12: expected a label name, found \"} 1\""),
            ("{\"a\", b=\"c\"} 1\n", "line 1, column 6: expected a label name, found \" b=\\\"c\\\"} 1\""),
            (
                "a{b=\"c\"d=\"e\"} 1\n",
                "line 1, column 8: expected a comma or a closing brace, found \"d=\\\"e\\\"} 1\"",
            ),
            ("a_total 1 # {\"b\"} 1\n", "line 1, column 17: expected =, found \"} 1\""),
            ("a_total 1 # {b=\"\0\"} 1\n", "line 1, column 17: a null character cannot be here"),
            ("a 1e999\n", "line 1, column 3: expected a value, found \"1e999\""),
        ] {
            assert_eq!(error(text), said, "{text}");
        }
    }
}
