//! Predicates to LogQL.
//!
//! What has to hold for the line alone becomes line filters; the rest one label filter. Where the line stands inside of
//! it, beside labels in an `or`, the line is a label for that long.

use console_model::names::GoQuoted;

use super::{
    indices::Pattern,
    predicate::{Comparison, Place, Predicate, Test},
};

/// The line as a label, while it is filtered.
const LINE_LABEL: &str = "document_line";
/// What may be compared with a number.
const NUMBER: &str = "[-+]?[0-9]*[.]?[0-9]+(?:[eE][-+]?[0-9]+)?";

/// A log query, or none where nothing can be found.
pub fn logql(indices: &Pattern, predicate: &Predicate) -> Option<String> {
    let mut out = indices.selector();
    let parts = match predicate {
        Predicate::Nothing => return None,
        Predicate::And(parts) => &parts[..],
        one => std::slice::from_ref(one),
    };
    let mut filters = Vec::new();
    for part in parts {
        match line_filter(part) {
            Some(filter) => {
                out.push(' ');
                out.push_str(&filter);
            }
            None => filters.push(part),
        }
    }
    let filters: Vec<String> = filters.into_iter().map(|p| filter(p, false)).filter(|f| f != ANY).collect();
    if filters.is_empty() {
        return Some(out);
    }
    let joined = filters.join(" and ");
    if joined.contains(LINE_LABEL) {
        out.push_str(&format!(
            " | label_format {LINE_LABEL}=\"{{{{__line__}}}}\" | {joined} | drop {LINE_LABEL}"
        ));
    } else {
        out.push_str(&format!(" | {joined}"));
    }
    if joined.contains(NUMBER) {
        out.push_str(" | drop __error__, __error_details__");
    }
    Some(out)
}

/// Holds for every line.
const ANY: &str = "(document_nothing=\"\")";
const NONE: &str = "(document_nothing!=\"\")";

fn line_filter(predicate: &Predicate) -> Option<String> {
    let (predicate, wanted) = match predicate {
        Predicate::Not(inner) => (&**inner, false),
        other => (other, true),
    };
    let Predicate::Field(Place::Line, test) = predicate else { return None };
    let (op, text) = match (test, wanted) {
        (Test::Regex(pattern), true) => ("|~", pattern.clone()),
        (Test::Regex(pattern), false) => ("!~", pattern.clone()),
        (Test::Equal(text), true) => ("|~", format!("^(?s:{})$", regex::escape(text))),
        (Test::Equal(text), false) => ("!~", format!("^(?s:{})$", regex::escape(text))),
        (Test::Exists, true) => ("|~", "(?s).".to_owned()),
        (Test::Exists, false) => ("!~", "(?s).".to_owned()),
        (Test::Number(..), _) => return None,
    };
    Some(format!("{op} {}", GoQuoted(&text)))
}

/// A label filter; negation is carried inwards, since LogQL has none around filters.
fn filter(predicate: &Predicate, negated: bool) -> String {
    let join = |parts: &[Predicate], all: bool| {
        let parts: Vec<String> = parts.iter().map(|p| filter(p, negated)).collect();
        let with = if all { " and " } else { " or " };
        format!("({})", parts.join(with))
    };
    match predicate {
        Predicate::All => (if negated { NONE } else { ANY }).to_owned(),
        Predicate::Nothing => (if negated { ANY } else { NONE }).to_owned(),
        Predicate::And(parts) => join(parts, !negated),
        Predicate::Or(parts) => join(parts, negated),
        Predicate::Not(inner) => filter(inner, !negated),
        Predicate::Field(Place::Label(name), test) => of_label(name, test, negated),
        Predicate::Field(Place::Line, test) => match test {
            // Of a label's value the whole is asked, of a line a part.
            Test::Regex(pattern) => {
                let whole = Test::Regex(format!("(?s:.*)(?:{pattern})(?s:.*)"));
                of_label(LINE_LABEL, &whole, negated)
            }
            other => of_label(LINE_LABEL, other, negated),
        },
    }
}

fn of_label(name: &str, test: &Test, negated: bool) -> String {
    let (equal, matches) = if negated { ("!=", "!~") } else { ("=", "=~") };
    match test {
        Test::Equal(text) => format!("{name}{equal}{}", GoQuoted(text)),
        Test::Regex(pattern) => format!("{name}{matches}{}", GoQuoted(pattern)),
        Test::Exists => format!("{name}{}\"\"", if negated { "=" } else { "!=" }),
        Test::Number(comparison, than) => {
            let (op, opposite) = match comparison {
                Comparison::Less => ("<", ">="),
                Comparison::LessOrEqual => ("<=", ">"),
                Comparison::Greater => (">", "<="),
                Comparison::GreaterOrEqual => (">=", "<"),
            };
            if negated {
                format!("({name}!~\"{NUMBER}\" or {name}{opposite}{than})")
            } else {
                format!("({name}=~\"{NUMBER}\" and {name}{op}{than})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str, test: Test) -> Predicate {
        Predicate::field(Place::Label(name.to_owned()), test)
    }

    fn line(pattern: &str) -> Predicate {
        Predicate::field(Place::Line, Test::Regex(pattern.to_owned()))
    }

    fn of(predicate: &Predicate) -> String {
        logql(&Pattern::parse(Some("app")).unwrap(), predicate).unwrap()
    }

    const SELECTOR: &str = r#"{service_name=~".+",index=~"(?:app)"}"#;

    #[test]
    fn lines_are_filtered_as_lines_where_that_is_possible() {
        let both = Predicate::and(vec![
            line("a\"b"),
            line("c").negated(),
            label("level", Test::Equal("error".to_owned())),
        ]);
        assert_eq!(of(&both), format!(r#"{SELECTOR} |~ "a\"b" !~ "c" | level="error""#));
        assert_eq!(of(&Predicate::All), SELECTOR);
        let either = Predicate::or(vec![line("a"), label("b", Test::Exists)]);
        let want = format!(
            r#"{SELECTOR} | label_format document_line="{{{{__line__}}}}" | (document_line=~"(?s:.*)(?:a)(?s:.*)" or b!="") | drop document_line"#
        );
        assert_eq!(of(&either), want);
        assert_eq!(logql(&Pattern::parse(None).unwrap(), &Predicate::Nothing), None);
    }

    #[test]
    fn negation_goes_inwards() {
        let inner = Predicate::or(vec![
            label("a", Test::Equal("1".to_owned())),
            Predicate::and(vec![label("b", Test::Exists), label("c", Test::Regex("x.*".to_owned()))]),
        ]);
        assert_eq!(of(&inner.negated()), format!(r#"{SELECTOR} | (a!="1" and (b="" or c!~"x.*"))"#));
    }
}
