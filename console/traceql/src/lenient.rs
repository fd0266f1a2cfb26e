//! Queries that are still being written: `{ resource.service.name = "shop" && span.a = }`.

use crate::{ast::Query, parser::parse, validate::validate};

/// The query, or what of a single `{ .. }` of conditions joined by `&&` can be understood. None: nothing of it.
pub fn understood(text: &str) -> Option<Query> {
    let valid = |text: &str| parse(text).ok().filter(|q| validate(q).is_ok());
    if let Some(query) = valid(text) {
        return Some(query);
    }
    let inside = text.trim().strip_prefix('{')?;
    let inside = inside.strip_suffix('}').unwrap_or(inside);
    let good: Vec<&str> =
        conjuncts(inside).into_iter().filter(|part| valid(&format!("{{{part}}}")).is_some()).collect();
    if good.is_empty() { None } else { valid(&format!("{{{}}}", good.join("&&"))) }
}

/// Parts between `&&` outside of quotes.
fn conjuncts(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut quote, mut escaped) = (0, None, false);
    let bytes = text.as_bytes();
    for (i, c) in bytes.iter().enumerate() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(b'"') if *c == b'\\' => escaped = true,
            Some(q) if *c == q => quote = None,
            Some(_) => {}
            None if *c == b'"' || *c == b'`' => quote = Some(*c),
            None if *c == b'&' && bytes.get(i + 1) == Some(&b'&') && i >= start => {
                out.push(&text[start..i]);
                start = i + 2;
            }
            None => {}
        }
    }
    out.push(text.get(start..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_that_are_complete_are_kept() {
        let same = |a: &str, b: &str| assert_eq!(understood(a), Some(parse(b).unwrap()), "{a}");
        same("{ .a = 1 && .b = }", "{ .a = 1 }");
        same(r#"{ .a = "x && y" && .b"#, r#"{ .a = "x && y" && .b }"#);
        same(r#"{ .a = "\"&&" && span. }"#, r#"{ .a = "\"&&" }"#);
        assert_eq!(understood("{ .a = }"), None);
        assert_eq!(understood("nonsense"), None);
    }
}
