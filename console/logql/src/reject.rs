//! Lines that a label filter will drop, told from their text before a parser takes them apart.
//!
//! `| json | level="error"` keeps only lines in which `error` stands somewhere, unless the label is there without the
//! parser, or an escape writes the value otherwise.

use console_model::Labels;
use memchr::memmem::Finder;

use crate::{
    ast::LogExpr,
    labels::sanitize,
    stage::{LabelFilter, Stage, TextTest},
};

struct Reject {
    label: String,
    value: Finder<'static>,
}

/// What a line must contain to pass, by label.
pub struct Rejects(Vec<Reject>);

impl Rejects {
    /// Looks at the filters right behind the first parser.
    pub fn of(log: &LogExpr) -> Self {
        let mut out = Vec::new();
        let is_filter = |s: &&Stage| matches!(s, Stage::Line { .. } | Stage::Labels(_));
        let mut rest = log.stages.iter().skip_while(|s| is_filter(s));
        let parses = match rest.next() {
            Some(Stage::Json(paths)) => paths.is_empty(),
            Some(Stage::Logfmt(options)) => options.wanted.is_empty(),
            _ => false,
        };
        if parses {
            for stage in rest.take_while(is_filter) {
                if let Stage::Labels(filter) = stage {
                    add(filter, &mut out);
                }
            }
        }
        Self(out)
    }

    /// Whether the pipeline is sure to drop the line.
    pub fn drops<'a>(
        &self,
        stream: &Labels,
        line: &str,
        metadata: impl Iterator<Item = &'a str> + Clone,
    ) -> bool {
        self.0.iter().any(|r| {
            r.value.find(line.as_bytes()).is_none()
                && stream.get(&r.label).is_none()
                && !metadata.clone().any(|name| sanitize(name) == r.label)
                && memchr::memchr(b'\\', line.as_bytes()).is_none()
        })
    }
}

fn add(filter: &LabelFilter, out: &mut Vec<Reject>) {
    match filter {
        LabelFilter::And(a, b) => {
            add(a, out);
            add(b, out);
        }
        // A name that an earlier source may have taken is another label's; those of errors are no parser's.
        LabelFilter::Text { name, test: TextTest::Equal(value) }
            if !value.is_empty() && !name.ends_with("_extracted") && !name.starts_with("__") =>
        {
            out.push(Reject { label: name.clone(), value: Finder::new(value).into_owned() });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ast::Expr, parser::parse};

    fn drops(query: &str, line: &str, stream: &[(&str, &str)], metadata: &[&str]) -> bool {
        let Ok(Expr::Log(log)) = parse(query) else { panic!("{query}") };
        let stream = Labels::from_pairs(stream.iter().copied());
        Rejects::of(&log).drops(&stream, line, metadata.iter().copied())
    }

    #[test]
    fn only_what_is_sure_to_be_dropped_is_rejected() {
        let query = r#"{a="b"} |= "x" | json | level="error" and n > 3"#;
        for (query, line, stream, metadata, wanted) in [
            (query, r#"{"level":"info"}"#, &[][..], &[][..], true),
            (query, r#"{"other":"error"}"#, &[], &[], false),
            (query, r#"{"level":"\u0065rror"}"#, &[], &[], false),
            (query, r#"{"level":"info"}"#, &[("level", "error")], &[], false),
            (query, r#"{"level":"info"}"#, &[], &["level"], false),
            (r#"{a="b"} | logfmt | level="error""#, "level=info", &[], &[], true),
            (r#"{a="b"} | logfmt | level="error" or n > 3"#, "level=info", &[], &[], false),
            (r#"{a="b"} | logfmt | level!="error""#, "level=info", &[], &[], false),
            (r#"{a="b"} | logfmt | level="""#, "level=info", &[], &[], false),
            (r#"{a="b"} | json level="x" | level="error""#, "{}", &[], &[], false),
            (r#"{a="b"} | logfmt | label_format level="error" | level="error""#, "x", &[], &[], false),
            (r#"{a="b"} | label_format level="error" | logfmt | level="error""#, "x", &[], &[], false),
            (r#"{a="b"} | logfmt | __error__="LogfmtParserErr""#, "x", &[], &[], false),
        ] {
            assert_eq!(drops(query, line, stream, metadata), wanted, "{query} {line}");
        }
    }
}
