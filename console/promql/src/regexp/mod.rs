//! Regular expressions of matchers: RE2's syntax, anchored at both ends, a dot matches a line break too.

mod fault;

use console_model::{Labels, MatchOp, Matcher};
use console_storage::SourceError;
use regex::Regex;

/// Classes that RE2 knows for ASCII alone.
const CLASSES: [(char, &str); 6] = [
    ('d', "[0-9]"),
    ('D', "[^0-9]"),
    ('w', "[0-9A-Za-z_]"),
    ('W', "[^0-9A-Za-z_]"),
    ('s', r"[\t\n\f\r ]"),
    ('S', r"[^\t\n\f\r ]"),
];

/// A pattern as matchers and `label_replace` mean it, or why RE2 refuses it.
pub(crate) fn anchored(pattern: &str) -> Result<Regex, String> {
    if let Some(fault) = fault::of(pattern) {
        return Err(fault);
    }
    Regex::new(&format!("^(?s:{})$", translated(pattern))).map_err(|e| {
        let text = e.to_string();
        text.lines().last().map_or(text.clone(), |last| last.trim_start_matches("error: ").to_owned())
    })
}

/// Why RE2 refuses a pattern of a matcher, in its words.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    anchored(pattern).map(drop)
}

/// `matchers` with patterns that this workspace's stores read as RE2 does.
pub(crate) fn for_stores(matchers: &[Matcher]) -> Vec<Matcher> {
    let one = |m: &Matcher| match m.op {
        MatchOp::Equal | MatchOp::NotEqual => m.clone(),
        MatchOp::Regex | MatchOp::NotRegex => Matcher { value: translated(&m.value), ..m.clone() },
    };
    matchers.iter().map(one).collect()
}

/// The same pattern for the `regex` crate where that differs from RE2: braces that repeat nothing are text, so are brackets
/// and operators of sets in a class; `\d`, `\w`, `\s` and `\b` are about ASCII; `\Q...\E` quotes.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut is_in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => escape(after, is_in_class, &mut out),
            '{' if !is_in_class && !is_repetition(after) => literal(c, after, &mut out),
            '[' if !is_in_class => {
                is_in_class = true;
                class_start(after, &mut out)
            }
            '[' => match after.strip_prefix(':').and_then(|name| name.find(":]")) {
                // A named class such as `[:alpha:]`.
                Some(length) => {
                    let (name, behind) = after.split_at(length + 3);
                    out.push('[');
                    out.push_str(name);
                    behind
                }
                None => literal(c, after, &mut out),
            },
            '&' | '~' if is_in_class => literal(c, after, &mut out),
            c => {
                is_in_class &= c != ']';
                out.push(c);
                after
            }
        };
    }
    out
}

/// What follows a backslash; gives the text behind it.
fn escape<'a>(after: &'a str, is_in_class: bool, out: &mut String) -> &'a str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let behind = &after[c.len_utf8()..];
    if let Some((_, class)) = CLASSES.iter().find(|(name, _)| *name == c) {
        // Inside another class a negated one has no other form.
        match (is_in_class, class.starts_with("[^")) {
            (false, _) => out.push_str(class),
            (true, false) => out.push_str(class.trim_matches(['[', ']'])),
            (true, true) => out.extend(['\\', c]),
        }
        return behind;
    }
    match c {
        'b' if !is_in_class => out.push_str(r"(?-u:\b)"),
        'Q' if !is_in_class => {
            let (quoted, behind) = behind.split_once(r"\E").unwrap_or((behind, ""));
            out.push_str(&regex::escape(quoted));
            return behind;
        }
        '<' | '>' => out.push(c),
        // A class of Unicode, a character by its number: the braces belong to them.
        'p' | 'P' | 'x' if behind.starts_with('{') => {
            let length = behind.find('}').map_or(behind.len(), |at| at + 1);
            out.extend(['\\', c]);
            out.push_str(&behind[..length]);
            return &behind[length..];
        }
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
    behind
}

fn literal<'a>(c: char, after: &'a str, out: &mut String) -> &'a str {
    out.push('\\');
    out.push(c);
    after
}

/// The start of a class, where a bracket that closes is text.
fn class_start<'a>(after: &'a str, out: &mut String) -> &'a str {
    out.push('[');
    let mut rest = after;
    if let Some(behind) = rest.strip_prefix('^') {
        out.push('^');
        rest = behind;
    }
    match rest.strip_prefix(']') {
        Some(behind) => literal(']', behind, out),
        None => rest,
    }
}

/// Whether a brace is followed by `3}`, `3,}` or `3,5}`.
fn is_repetition(after: &str) -> bool {
    let Some((inside, _)) = after.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

/// Matchers that are ready to be applied.
pub(crate) struct Fits<'a> {
    tests: Vec<(&'a Matcher, Option<Regex>)>,
}

impl<'a> Fits<'a> {
    pub fn all(matchers: &'a [Matcher]) -> Result<Self, SourceError> {
        let test = |m: &'a Matcher| match m.op {
            MatchOp::Equal | MatchOp::NotEqual => Ok((m, None)),
            MatchOp::Regex | MatchOp::NotRegex => anchored(&m.value)
                .map(|r| (m, Some(r)))
                .map_err(|message| SourceError::Invalid { message, position: None }),
        };
        Ok(Self { tests: matchers.iter().map(test).collect::<Result<_, _>>()? })
    }

    pub fn accept(&self, labels: &Labels) -> bool {
        self.tests.iter().all(|(m, regex)| {
            let value = labels.get(&m.name).unwrap_or_default();
            let hit = regex.as_ref().map_or_else(|| value == m.value, |r| r.is_match(value));
            hit != matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex)
        })
    }
}

/// Whether a series without the label fits.
pub(crate) fn fits_nothing(m: &Matcher) -> bool {
    Fits::all(std::slice::from_ref(m)).is_ok_and(|fits| fits.accept(&Labels::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_anchored_and_a_dot_is_any_character() {
        assert!(anchored("a.c").unwrap().is_match("a\nc"));
        assert!(!anchored("b").unwrap().is_match("abc"));
        assert!(!anchored("a|b").unwrap().is_match("ab"));
    }

    #[test]
    fn patterns_are_read_as_re2_reads_them() {
        for (pattern, fits, fits_not) in [
            ("/api/{id}/x{2}", "/api/{id}/xx", "/api/id/xx"),
            ("a{,2}", "a{,2}", "aa"),
            (r"\d+", "12", "\u{661}"),
            (r"[\w.]+", "a_1.", "\u{e9}"),
            (r"\Qa.b\E.", "a.bc", "axbc"),
            (r"\<x\>", "<x>", "x"),
            ("[[a]", "[", "b"),
            ("[a&&b]+", "a&&b", "c"),
            ("[]a]+", "]a", "b"),
            ("[^]a]+", "xy", "]"),
            ("[[:alpha:]]", "x", "1"),
            (r"x\b.y", "x y", "xxy"),
            (r"a\{1}", "a{1}", "a"),
            (r"[\]x]", "]", "y"),
            (r"\p{L}+", "\u{e9}a", "1"),
            (r"[\P{L}x]", "1", "\u{e9}"),
            (r"\x{41}{2}", "AA", "A"),
        ] {
            let regex = anchored(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
            assert!(regex.is_match(fits) && !regex.is_match(fits_not), "{pattern}");
            let again = Regex::new(&format!("^(?s:{})$", translated(&translated(pattern)))).unwrap();
            assert!(again.is_match(fits) && !again.is_match(fits_not), "{pattern} twice");
        }
        for wrong in ["(", "[", "*", r"\", "(?=x)", r"(a)\1", "[z-a]"] {
            assert!(anchored(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn absent_labels_are_empty() {
        let matcher = |op, value: &str| Matcher { name: "x".to_owned(), op, value: value.to_owned() };
        assert!(
            fits_nothing(&matcher(MatchOp::Regex, "a*")) && fits_nothing(&matcher(MatchOp::NotEqual, "a"))
        );
        assert!(!fits_nothing(&matcher(MatchOp::NotRegex, ".*")));
    }
}
