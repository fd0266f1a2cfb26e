//! Slack's own markup (api.slack.com/reference/surfaces/formatting): `*bold*`, `_italic_`, `~strike~`, code, links in
//! angle brackets, three escaped characters.

/// A piece of text with its style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    Text(String),
    Break,
    Bold(Vec<Inline>),
    Italic(Vec<Inline>),
    Strike(Vec<Inline>),
    Code(String),
    /// Text between three back-ticks.
    Block(String),
    Link {
        url: String,
        text: String,
    },
    /// `@here`, a user, a channel.
    Mention(String),
}

/// Styles inside styles; deeper ones stay text.
const MAX_DEPTH: usize = 4;

/// Never fails: what is no markup is text.
pub fn parse(text: &str) -> Vec<Inline> {
    parse_inside(text, 0)
}

fn parse_inside(text: &str, depth: usize) -> Vec<Inline> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    let mut before = None;
    while let Some(c) = rest.chars().next() {
        if let Some((inline, length)) = markup(rest, before, depth) {
            flush(&mut plain, &mut out);
            out.push(inline);
            before = rest[..length].chars().next_back();
            rest = &rest[length..];
            if matches!(out.last(), Some(Inline::Block(_))) {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
            }
            continue;
        }
        plain.push(c);
        before = Some(c);
        rest = &rest[c.len_utf8()..];
    }
    flush(&mut plain, &mut out);
    // A block stands on lines of its own.
    let is_block = |i: Option<&Inline>| matches!(i, Some(Inline::Block(_)));
    let breaks: Vec<bool> =
        (0..out.len()).map(|i| out[i] == Inline::Break && is_block(out.get(i + 1))).collect();
    let mut at = 0;
    out.retain(|_| {
        at += 1;
        !breaks[at - 1]
    });
    out
}

fn flush(plain: &mut String, out: &mut Vec<Inline>) {
    if !plain.is_empty() {
        out.push(Inline::Text(unescape(plain)));
        plain.clear();
    }
}

/// Markup at the start of `rest` and its length in bytes.
fn markup(rest: &str, before: Option<char>, depth: usize) -> Option<(Inline, usize)> {
    if rest.starts_with('\n') {
        return Some((Inline::Break, 1));
    }
    if let Some(inside) = rest.strip_prefix("```") {
        let end = inside.find("```")?;
        let text = inside[..end].trim_matches('\n');
        return Some((Inline::Block(unescape(text)), end + 6));
    }
    if let Some(inside) = rest.strip_prefix('`') {
        let end = inside.find(['`', '\n']).filter(|end| *end > 0 && inside[*end..].starts_with('`'))?;
        return Some((Inline::Code(unescape(&inside[..end])), end + 2));
    }
    if let Some(inside) = rest.strip_prefix('<') {
        let end = inside.find('>').filter(|end| *end > 0)?;
        return Some((angle(&inside[..end]), end + 2));
    }
    let mark = rest.chars().next().filter(|c| matches!(c, '*' | '_' | '~'))?;
    if depth == MAX_DEPTH || before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let inside = &rest[1..];
    let end = closing(inside, mark)?;
    let content = parse_inside(&inside[..end], depth + 1);
    let inline = match mark {
        '*' => Inline::Bold(content),
        '_' => Inline::Italic(content),
        _ => Inline::Strike(content),
    };
    Some((inline, end + 2))
}

/// Where the mark closes: on the same line, not after a space, not before a letter, not inside code.
fn closing(inside: &str, mark: char) -> Option<usize> {
    if inside.starts_with(|c: char| c.is_whitespace() || c == mark) {
        return None;
    }
    let (mut previous, mut is_code) = (' ', false);
    for (at, c) in inside.char_indices() {
        if c == '\n' {
            return None;
        }
        let after = inside[at + c.len_utf8()..].chars().next();
        if c == mark && !is_code && !previous.is_whitespace() && !after.is_some_and(char::is_alphanumeric) {
            return Some(at);
        }
        is_code ^= c == '`';
        previous = c;
    }
    None
}

/// What stands in angle brackets.
fn angle(inside: &str) -> Inline {
    let (target, words) = inside.split_once('|').map_or((inside, None), |(t, w)| (t, Some(unescape(w))));
    if let Some(command) = target.strip_prefix('!') {
        // Dates carry their own words; `!here` and its like are mentions.
        return match words {
            Some(words) => Inline::Text(words),
            None => Inline::Mention(format!("@{command}")),
        };
    }
    if target.starts_with(['@', '#']) {
        return Inline::Mention(words.unwrap_or_else(|| target.to_owned()));
    }
    let target = unescape(target);
    match safe_url(&target) {
        Some(url) => Inline::Link { text: words.unwrap_or_else(|| target.clone()), url },
        None => Inline::Text(words.unwrap_or(target)),
    }
}

/// Only what a browser fetches as a page.
pub fn safe_url(url: &str) -> Option<String> {
    let lower = url.to_ascii_lowercase();
    (lower.starts_with("https://") || lower.starts_with("http://")).then(|| url.to_owned())
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(t: &str) -> Inline {
        Inline::Text(t.to_owned())
    }

    #[test]
    fn marks_work_at_the_edges_of_words_only() {
        assert_eq!(parse("*bold* and 2*3*4"), [Inline::Bold(vec![text("bold")]), text(" and 2*3*4")]);
        assert_eq!(parse("* no * a_b_c ~gone~"), [text("* no * a_b_c "), Inline::Strike(vec![text("gone")])]);
        assert_eq!(parse("*a\nb*"), [text("*a"), Inline::Break, text("b*")]);
        assert_eq!(parse("*_both_*"), [Inline::Bold(vec![Inline::Italic(vec![text("both")])])]);
    }

    #[test]
    fn code_keeps_its_marks() {
        assert_eq!(
            parse("`*x*` *`a*b`*"),
            [Inline::Code("*x*".into()), text(" "), Inline::Bold(vec![Inline::Code("a*b".into())])]
        );
        assert_eq!(
            parse("log\n```a &lt;b&gt;\nc```\nend"),
            [text("log"), Inline::Block("a <b>\nc".into()), text("end")]
        );
        assert_eq!(parse("`open"), [text("`open")]);
    }

    #[test]
    fn links_lead_to_pages_only() {
        assert_eq!(
            parse("<http://c/a?x=1&amp;y=2|Open &lt;it&gt;>"),
            [Inline::Link { url: "http://c/a?x=1&y=2".into(), text: "Open <it>".into() }]
        );
        assert_eq!(parse("<javascript:alert(1)|click>"), [text("click")]);
        assert_eq!(
            parse("<!date^1^{date}|2026-01-01 UTC> <!here>"),
            [text("2026-01-01 UTC"), text(" "), Inline::Mention("@here".into())]
        );
    }

    #[test]
    fn entities_are_undone_once() {
        assert_eq!(parse("&amp;lt;script&amp;gt; &lt;script&gt;"), [text("&lt;script&gt; <script>")]);
    }

    #[test]
    fn whatever_comes_ends() {
        for wild in ["***", "<", "<>", "```", "``", "*`", "_*~", "&", "<|>", "日*本*語"] {
            parse(wild);
        }
    }
}
