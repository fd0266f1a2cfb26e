//! Tokens of a declarative Jenkinsfile: the part of Groovy that one without scripts needs.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Word(String),
    /// Its content; what `"${…}"` would put in stays as it is written.
    Text(String),
    Number(String),
    /// One of `{ } ( ) [ ] , : = ; . & | ! ? < > + -`.
    Mark(char),
    LineEnd,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    /// From 1.
    pub line: usize,
}

/// Error: the line and what is wrong there.
pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            '\n' => (Some(Kind::LineEnd), 1),
            c if c.is_whitespace() => (None, c.len_utf8()),
            '/' if rest.starts_with("//") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => {
                (None, rest.find("*/").ok_or_else(|| format!("line {line}: a comment without end"))? + 2)
            }
            '\'' | '"' => {
                let (text, length) =
                    text_literal(rest, first).ok_or_else(|| format!("line {line}: a text without end"))?;
                (Some(Kind::Text(text)), length)
            }
            c if c.is_ascii_digit() => {
                let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                (Some(Kind::Number(rest[..length].to_owned())), length)
            }
            c if c.is_alphabetic() || c == '_' => {
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                (Some(Kind::Word(rest[..length].to_owned())), length)
            }
            c if "{}()[],:=;.&|!?<>+-".contains(c) => (Some(Kind::Mark(c)), 1),
            c => return Err(format!("line {line}: {c:?} is nothing that a declarative pipeline has")),
        };
        found.extend(kind.map(|kind| Token { kind, line }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    Ok(found)
}

/// A literal with its length; three quotes may hold line ends, one may not.
fn text_literal(rest: &str, quote: char) -> Option<(String, usize)> {
    let triple = quote.to_string().repeat(3);
    if let Some(inside) = rest.strip_prefix(&triple) {
        let end = inside.find(&triple)?;
        return Some((inside[..end].to_owned(), end + 6));
    }
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => text.push(characters.next()?.1),
            '\n' => return None,
            c if c == quote => return Some((text, at + 1)),
            c => text.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blanks_are_nothing_and_lines_are_counted() {
        let found = tokens("a // b\n/* c\n */ 'd\\'e' 12").unwrap();
        let kinds: Vec<(Kind, usize)> = found.into_iter().map(|t| (t.kind, t.line)).collect();
        assert_eq!(
            kinds,
            [
                (Kind::Word("a".into()), 1),
                (Kind::LineEnd, 1),
                (Kind::Text("d'e".into()), 3),
                (Kind::Number("12".into()), 3),
            ]
        );
    }

    #[test]
    fn what_does_not_end_is_told_with_its_line() {
        assert_eq!(tokens("\nsh 'make").unwrap_err(), "line 2: a text without end");
        assert_eq!(tokens("sh 'make\n'").unwrap_err(), "line 1: a text without end");
        assert_eq!(tokens("/* x").unwrap_err(), "line 1: a comment without end");
    }
}
