//! The questions: what people ask of logs, once in LogQL and once in LogsQL.

use super::{
    load::{Load, NEEDLE, SPAN_NS},
    server::Language,
};
use crate::bench::ask::Asked;

const STEP_SECONDS: i64 = 60;

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The newest lines, at most so many.
    Lines(usize),
    /// A number by service over the whole range.
    Total,
    /// A number by service and minute.
    PerMinute,
}

/// One question over the whole range.
#[derive(Clone, Debug)]
pub struct Question {
    pub name: &'static str,
    pub shape: Shape,
    /// For the shapes with numbers what is counted, filters and parsers included, without the range.
    logql: String,
    /// The filter, and the pipes before the counting.
    logsql: String,
}

/// The count of all lines, which says what was kept.
pub fn everything() -> Question {
    question("count all by app", Shape::Total, r#"{namespace="shop"}"#, r#"{namespace="shop"}"#)
}

/// In the order of the table.
pub fn questions() -> Vec<Question> {
    use Shape::{Lines, PerMinute};
    let (all_logql, all_logsql) = (r#"{namespace="shop"}"#, r#"{namespace="shop"}"#);
    let regex = "path=/api/v1/(orders|carts)/[0-9]+ status=50[0-9] duration_ms=[0-9]{2,}";
    vec![
        question(
            NEEDLE_NAME,
            Lines(1000),
            &format!(r#"{all_logql} |= "{NEEDLE}""#),
            &format!(r#"{all_logsql} "{NEEDLE}""#),
        ),
        question(
            "status=500 per minute",
            PerMinute,
            &format!(r#"{all_logql} |= "status=500""#),
            &format!(r#"{all_logsql} "status=500""#),
        ),
        question(
            "regular expression per minute",
            PerMinute,
            &format!("{all_logql} |~ `{regex}`"),
            &format!(r#"{all_logsql} ~"{regex}""#),
        ),
        everything(),
        question("count all by app and minute", PerMinute, all_logql, all_logsql),
        question(
            "json, status>=500 per minute",
            PerMinute,
            r#"{namespace="shop", format="json"} | json | status >= 500"#,
            r#"{namespace="shop",format="json"} | unpack_json fields (status) | filter status:>=500"#,
        ),
        question(
            "logfmt, status>=500 per minute",
            PerMinute,
            r#"{namespace="shop", format="logfmt"} | logfmt | status >= 500"#,
            r#"{namespace="shop",format="logfmt"} | unpack_logfmt fields (status) | filter status:>=500"#,
        ),
        question(
            "last 1,000 lines of a stream",
            Lines(1000),
            r#"{app="inventory", pod="inventory-4"}"#,
            r#"{app="inventory",pod="inventory-4"}"#,
        ),
    ]
}

pub const NEEDLE_NAME: &str = "needle, a trace id";

fn question(name: &'static str, shape: Shape, logql: &str, logsql: &str) -> Question {
    Question { name, shape, logql: logql.to_owned(), logsql: logsql.to_owned() }
}

impl Question {
    pub fn asked(&self, language: Language, load: Load) -> Asked {
        let (path, parameters) = match language {
            Language::LogQl => self.logql(load),
            Language::LogsQl => self.logsql(load),
        };
        Asked { name: self.name, paths: vec![path.to_owned()], parameters }
    }

    fn logql(&self, load: Load) -> (&'static str, Vec<(&'static str, String)>) {
        let counted =
            |range_seconds: i64| format!("sum by (app) (count_over_time({} [{range_seconds}s]))", self.logql);
        let (range, instant) = ("/loki/api/v1/query_range", "/loki/api/v1/query");
        let (start, end) = (load.start_ns(), load.end_ns);
        match self.shape {
            Shape::Lines(limit) => (
                range,
                vec![
                    ("query", self.logql.clone()),
                    ("start", start.to_string()),
                    ("end", end.to_string()),
                    ("limit", limit.to_string()),
                    ("direction", "backward".to_owned()),
                ],
            ),
            Shape::Total => {
                (instant, vec![("query", counted(SPAN_NS / 1_000_000_000)), ("time", end.to_string())])
            }
            // The first window ends a step after the start: together they are the whole range and nothing else.
            Shape::PerMinute => (
                range,
                vec![
                    ("query", counted(STEP_SECONDS)),
                    ("start", (start + STEP_SECONDS * 1_000_000_000).to_string()),
                    ("end", end.to_string()),
                    ("step", STEP_SECONDS.to_string()),
                ],
            ),
        }
    }

    fn logsql(&self, load: Load) -> (&'static str, Vec<(&'static str, String)>) {
        let range = [("start", load.start_ns().to_string()), ("end", load.end_ns.to_string())];
        let counted = format!("{} | stats by (app) count() as n", self.logsql);
        let (path, own) = match self.shape {
            Shape::Lines(limit) => {
                ("/select/logsql/query", vec![("query", self.logsql.clone()), ("limit", limit.to_string())])
            }
            Shape::Total => ("/select/logsql/query", vec![("query", counted)]),
            Shape::PerMinute => (
                "/select/logsql/stats_query_range",
                vec![("query", counted), ("step", format!("{STEP_SECONDS}s"))],
            ),
        };
        (path, range.into_iter().chain(own).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(asked: &Asked, name: &str) -> String {
        asked.parameters.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone()).unwrap()
    }

    #[test]
    fn windows_cover_the_load_and_nothing_else() {
        let load = Load::new(0.001, 1_700_000_030_000);
        let asked = questions()[1].asked(Language::LogQl, load);
        assert_eq!(
            value(&asked, "query"),
            r#"sum by (app) (count_over_time({namespace="shop"} |= "status=500" [60s]))"#
        );
        let start: i64 = value(&asked, "start").parse().unwrap();
        assert_eq!(start - 60_000_000_000, load.start_ns());
        let asked = everything().asked(Language::LogQl, load);
        assert!(value(&asked, "query").ends_with("[21600s]))"));
        assert_eq!(value(&asked, "time"), load.end_ns.to_string());
    }

    #[test]
    fn our_own_parser_takes_every_question() {
        for question in questions() {
            let asked = question.asked(Language::LogQl, Load::new(0.001, 1_700_000_030_000));
            console_logql::parse(&value(&asked, "query"))
                .unwrap_or_else(|e| panic!("{}: {e}", question.name));
        }
    }
}
