//! A query written with one space where the language has any.

use crate::{
    error::Error,
    lexer::{self, Token},
    parser::parse,
};

/// The same query, its tokens as they were written, its spaces and line breaks as everybody's. Comments are left out.
pub fn format(text: &str) -> Result<String, Error> {
    parse(text)?;
    let tokens = lexer::tokens(text)?;
    let mut out = String::with_capacity(text.len());
    let mut braces = 0usize;
    let mut before = None;
    for (i, spanned) in tokens.iter().enumerate() {
        if spanned.token == Token::End {
            break;
        }
        let written = written(text, spanned.position, tokens[i + 1].position);
        if before.is_some_and(|b: &Token| spaced(b, &spanned.token, braces > 0)) {
            out.push(' ');
        }
        match &spanned.token {
            Token::Symbol("{") => braces += 1,
            Token::Symbol("}") => braces = braces.saturating_sub(1),
            _ => {}
        }
        out.push_str(written);
        before = Some(&spanned.token);
    }
    Ok(out)
}

/// A token's text: up to the space or comment before the next token.
fn written(text: &str, from: usize, to: usize) -> &str {
    let all = &text[from..to];
    if all.starts_with(['"', '`']) {
        let quote = &all[..1];
        let mut escaped = false;
        for (i, c) in all.char_indices().skip(1) {
            if !escaped && all[i..].starts_with(quote) {
                return &all[..=i];
            }
            escaped = quote == "\"" && c == '\\' && !escaped;
        }
    }
    all.split('#').next().unwrap_or(all).trim_end()
}

fn spaced(before: &Token, token: &Token, in_selector: bool) -> bool {
    let symbol = |t: &Token, set: &[&str]| matches!(t, Token::Symbol(s) if set.contains(s));
    if symbol(before, &["(", "{", "["]) || symbol(token, &[")", "}", "]", ","]) {
        return false;
    }
    let matcher = ["=", "!=", "=~", "!~"];
    if in_selector && (symbol(token, &matcher) || symbol(before, &matcher)) {
        return false;
    }
    // `a="b"` of parsers and formats.
    if symbol(token, &["="]) || symbol(before, &["="]) {
        return false;
    }
    let called = match before {
        Token::Ident(word) => {
            !matches!(word.as_str(), "by" | "without" | "on" | "ignoring" | "or" | "and" | "unless" | "bool")
        }
        _ => false,
    };
    !(symbol(token, &["("]) && called)
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn spaces_become_everybody_s_and_the_query_stays_the_same() {
        for (text, wanted) in [
            (
                r##"{ app = "x",b=~`y.*` }|="a#b"|json   a="b.c"# note"##,
                r#"{app="x", b=~`y.*`} |= "a#b" | json a="b.c""#,
            ),
            (
                "sum  by(app)( rate( {a=\"b\"}\n[5m] offset 1m ) )/2",
                r#"sum by (app) (rate({a="b"} [5m] offset 1m)) / 2"#,
            ),
            (r#"{a="b"} | line_format "x \" {{ .y }}""#, r#"{a="b"} | line_format "x \" {{ .y }}""#),
        ] {
            assert_eq!(format(text).as_deref(), Ok(wanted));
            assert_eq!(format(wanted).as_deref(), Ok(wanted));
        }
        assert!(format("{a=").is_err());
    }
}
