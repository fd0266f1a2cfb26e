//! The texts of checked queries, read from sources as the compiler reads them: literals, literals joined by `+`, and calls
//! of a `macro_rules!` that puts its own literals between those of the call.

/// A piece of a query's text.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A literal of the macro's call, by its place there.
    Parameter(usize),
}

/// A macro that makes a checked query.
struct Template<'a> {
    name: &'a str,
    pieces: Vec<Piece>,
}

const CALLS: [&str; 3] =
    [concat!("sqlx::", "query!("), concat!("sqlx::", "query_as!("), concat!("sqlx::", "query_scalar!(")];

/// The texts of all checked queries in a crate's sources. What it cannot read is an error that shows the place.
pub fn checked_queries(sources: &[&str]) -> Result<Vec<String>, String> {
    let (mut templates, mut plain) = (Vec::new(), Vec::new());
    for source in sources {
        let mut parts = source.split("macro_rules! ");
        let mut rest = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (definition, after) = part.split_once("\n}").ok_or_else(|| unreadable(part))?;
            templates.extend(template(definition)?);
            rest.push_str(after);
        }
        plain.push(rest);
    }
    let mut found = Vec::new();
    for text in &plain {
        for pieces in queries(text, &[])? {
            found.push(filled(&pieces, &[])?);
        }
        for template in &templates {
            for call in text.split(&format!("{}!(", template.name)).skip(1) {
                found.push(filled(&template.pieces, &arguments(call))?);
            }
        }
    }
    Ok(found)
}

fn unreadable(text: &str) -> String {
    text.chars().take(80).collect()
}

/// What a `macro_rules!` makes, if it makes a query.
fn template(definition: &str) -> Result<Option<Template<'_>>, String> {
    let name = definition.split(' ').next().unwrap_or_default();
    let (pattern, body) = definition.split_once("=>").ok_or_else(|| unreadable(definition))?;
    let parameters: Vec<&str> = pattern
        .split('$')
        .filter_map(|part| part.split_once(":literal"))
        .map(|(parameter, _)| parameter)
        .collect();
    let pieces = queries(body, &parameters)?.pop();
    Ok(pieces.map(|pieces| Template { name, pieces }))
}

/// The pieces of every query in a text.
fn queries(text: &str, parameters: &[&str]) -> Result<Vec<Vec<Piece>>, String> {
    let mut found = Vec::new();
    for call in CALLS {
        for after in text.split(call).skip(1) {
            // The record's type comes first.
            let begin =
                if call.contains("query_as") { after.split_once(',').map_or("", |it| it.1) } else { after };
            found.push(pieces(begin, parameters).ok_or_else(|| format!("{call}{}", unreadable(after)))?);
        }
    }
    Ok(found)
}

/// Literals and parameters, joined by `+`.
fn pieces(text: &str, parameters: &[&str]) -> Option<Vec<Piece>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let (piece, after) = if let Some(named) = rest.strip_prefix('$') {
            let end = named.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
            let place = parameters.iter().position(|parameter| *parameter == &named[..end])?;
            (Piece::Parameter(place), &named[end..])
        } else {
            let (value, after) = literal(rest)?;
            (Piece::Text(value), after)
        };
        found.push(piece);
        match after.trim_start().strip_prefix('+') {
            Some(more) => rest = more.trim_start(),
            None => return Some(found),
        }
    }
}

/// The literals that a call begins with.
fn arguments(call: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = call.trim_start();
    while let Some((value, after)) = literal(rest) {
        found.push(value);
        rest = after.trim_start().strip_prefix(',').unwrap_or_default().trim_start();
    }
    found
}

fn filled(pieces: &[Piece], arguments: &[String]) -> Result<String, String> {
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => Ok(text.clone()),
        Piece::Parameter(place) => {
            arguments.get(*place).cloned().ok_or_else(|| format!("no literal {place} for {pieces:?}"))
        }
    };
    pieces.iter().map(text).collect()
}

/// The value of the string literal that the text begins with, and what follows it.
fn literal(text: &str) -> Option<(String, &str)> {
    if let Some(raw) = text.strip_prefix('r') {
        let quote = raw.find('"')?;
        let end = format!("\"{}", &raw[..quote]);
        let (value, after) = raw[quote + 1..].split_once(&end)?;
        return Some((value.to_owned(), after));
    }
    let mut value = String::new();
    let mut rest = text.strip_prefix('"')?.chars();
    loop {
        match rest.next()? {
            '"' => return Some((value, rest.as_str())),
            '\\' => match rest.next()? {
                '\n' => rest = rest.as_str().trim_start().chars(),
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}

#[test]
fn literals_are_read_as_the_compiler_reads_them() {
    let source = "sqlx::query!(\n    \"SELECT a \\\n      FROM b AS \\\"c!\\\"\",\n    id)\n\
                  sqlx::query_as!(\n Row,\n \"SELECT 2\" + \" FROM c\")\nsqlx::query_scalar!(r#\"SELECT \"n!\"\"#)";
    let expected = ["SELECT a FROM b AS \"c!\"", "SELECT 2 FROM c", "SELECT \"n!\""];
    assert_eq!(checked_queries(&[source]).unwrap(), expected);
    assert!(checked_queries(&["sqlx::query!(TEXT)"]).is_err());
}

#[test]
fn a_macros_literals_stand_where_it_puts_them_in_every_file_of_the_crate() {
    let rows = "macro_rules! rows {\n    ($before:literal, $after:literal $(, $p:expr)*) => {\n        \
                sqlx::query_as!(Row, $before + \"a, b\" + $after, $($p),*)\n    };\n}\n";
    let user = "let q = rows!(\n    \"SELECT \",\n    \" FROM c WHERE id = $1\",\n    id\n);";
    assert_eq!(checked_queries(&[user, rows]).unwrap(), ["SELECT a, b FROM c WHERE id = $1"]);
    assert!(checked_queries(&[rows, "rows!(TEXT)"]).is_err());
    assert!(checked_queries(&["macro_rules! rows {\n ($sql:expr) => { sqlx::query!($sql) }\n}"]).is_err());
}
