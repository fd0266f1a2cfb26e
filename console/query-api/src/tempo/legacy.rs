//! Searches by tags, written as TraceQL: `tags` in logfmt, `minDuration` and `maxDuration` of the trace.

use console_model::names::GoQuoted;

use super::envelope::TempoError;
use crate::{params::Params, traceql};

/// `{ .. }` of all parameters of a search without `q`.
pub fn query(params: &Params) -> Result<String, TempoError> {
    let mut filters = Vec::new();
    for (key, value) in logfmt(params.get("tags").unwrap_or_default())? {
        filters.push(filter(&key, &value)?);
    }
    for (name, op) in [("minDuration", ">="), ("maxDuration", "<=")] {
        if let Some(text) = params.non_empty(name) {
            if !traceql::is_duration(text) {
                return Err(TempoError::bad_request(format!(
                    "invalid {name}: {text:?} is not a duration such as 100ms or 1.5s"
                )));
            }
            filters.push(format!("traceDuration {op} {text}"));
        }
    }
    Ok(format!("{{ {} }}", filters.join(" && ")))
}

/// A value is found anywhere in an attribute's text, in any case; a number or truth also equals one.
fn filter(key: &str, value: &str) -> Result<String, TempoError> {
    let word = |wanted: &[&str]| {
        let wrong = || {
            TempoError::bad_request(format!("invalid tags: {key} must be one of {wanted:?}, got {value:?}"))
        };
        if wanted.contains(&value) { Ok(()) } else { Err(wrong()) }
    };
    let pattern = GoQuoted(&format!("(?i).*{}.*", regex::escape(value)));
    Ok(match key {
        "error" => {
            word(&["true", "false"])?;
            format!("status {} error", if value == "true" { "=" } else { "!=" })
        }
        "status.code" | "status" => {
            word(&["ok", "error", "unset"])?;
            format!("status = {value}")
        }
        "name" => format!("name =~ {pattern}"),
        "root.name" => format!("rootName =~ {pattern}"),
        "root.service.name" => format!("rootServiceName =~ {pattern}"),
        key => {
            let attribute = format!(".{}", GoQuoted(key));
            match traceql::literal(value) {
                Some(literal) => format!("({attribute} =~ {pattern} || {attribute} = {literal})"),
                None => format!("{attribute} =~ {pattern}"),
            }
        }
    })
}

/// `key=value key="a value"`, in the order written.
fn logfmt(text: &str) -> Result<Vec<(String, String)>, TempoError> {
    let wrong = |at: usize, what: &str| TempoError::bad_request(format!("invalid tags at byte {at}: {what}"));
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (key, after) = rest.split_once('=').ok_or_else(|| wrong(at, "expected key=value"))?;
        if key.is_empty() || key.contains(char::is_whitespace) || key.contains('"') {
            return Err(wrong(at, "expected key=value"));
        }
        let value;
        if let Some(quoted) = after.strip_prefix('"') {
            let (inner, end) = unquoted(quoted).ok_or_else(|| wrong(at, "a quote is not closed"))?;
            value = inner;
            rest = &quoted[end..];
            if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
                return Err(wrong(text.len() - rest.len(), "expected a space"));
            }
        } else {
            let end = after.find(char::is_whitespace).unwrap_or(after.len());
            value = after[..end].to_owned();
            rest = &after[end..];
        }
        out.push((key.to_owned(), value));
        rest = rest.trim_start();
    }
    Ok(out)
}

/// The text up to a closing quote, and what it took with it.
fn unquoted(text: &str) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((out, i + 1)),
            '\\' => out.push(chars.next()?.1),
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &str) -> Result<String, String> {
        query(&Params::parse(pairs)).map_err(|e| e.message)
    }

    #[test]
    fn tags_become_conditions() {
        assert_eq!(of("").unwrap(), "{  }");
        assert_eq!(of("tags=error%3Dfalse").unwrap(), "{ status != error }");
        assert_eq!(
            of("tags=error%3Dtrue+name%3DGET").unwrap(),
            r#"{ status = error && name =~ "(?i).*GET.*" }"#
        );
        assert_eq!(
            of("tags=http.status_code%3D500&minDuration=1.5s").unwrap(),
            r#"{ (."http.status_code" =~ "(?i).*500.*" || ."http.status_code" = 500) && traceDuration >= 1.5s }"#
        );
        assert_eq!(of("tags=a%3D%22x+%5C%22y%22").unwrap(), r#"{ ."a" =~ "(?i).*x \"y.*" }"#);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(of("tags=a").unwrap_err().contains("byte 0: expected key=value"));
        assert!(of("tags=a%3D1+%22b").unwrap_err().contains("byte 4"));
        assert!(of("tags=a%3D%22b").unwrap_err().contains("a quote is not closed"));
        assert!(of("tags=error%3Dmaybe").unwrap_err().contains("error must be one of"));
        assert!(of("minDuration=1s+%7C%7C+true").unwrap_err().contains("invalid minDuration"));
    }
}
