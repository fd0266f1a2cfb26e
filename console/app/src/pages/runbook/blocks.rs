//! Query blocks of a runbook: filled from labels, answered now, linked to where they run.
//!
//! Works on the sanitised HTML of a page, where a block is `<pre><code class="language-promql">…</code></pre>`; what is
//! put in is escaped.

use console_model::Labels;

use crate::view::markup::escape;

/// Blocks of one page that are answered; the others are only linked.
pub const MAX_ANSWERED: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// PromQL.
    Metrics,
    /// LogQL.
    Logs,
    /// TraceQL.
    Traces,
}

impl Language {
    const ALL: [(&'static str, Self); 3] =
        [("promql", Self::Metrics), ("logql", Self::Logs), ("traceql", Self::Traces)];

    /// The page that runs it, and what a link to it says.
    pub fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Metrics => ("/metrics-explorer", "Run in Metrics"),
            Self::Logs => ("/logs", "Run in Logs"),
            Self::Traces => ("/traces", "Run in Traces"),
        }
    }
}

/// A block and where in the HTML its `</pre>` ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub language: Language,
    /// The query as text.
    pub query: String,
    pub end: usize,
}

impl Block {
    /// A placeholder that no label filled.
    pub fn is_open(&self) -> bool {
        self.query.contains("{{")
    }
}

/// `{{ $labels.name }}` becomes the label's value, escaped; unknown ones stay.
pub fn fill(html: &str, labels: &Labels) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find("{{") {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let Some(end) = from.find("}}") else {
            out.push_str(from);
            return out;
        };
        let value = from[2..end].trim().strip_prefix("$labels.").and_then(|name| labels.get(name));
        match value {
            Some(value) => out.push_str(&escape(value)),
            None => out.push_str(&from[..end + 2]),
        }
        rest = &from[end + 2..];
    }
    out.push_str(rest);
    out
}

/// All query blocks in order.
pub fn blocks(html: &str) -> Vec<Block> {
    const OPEN: &str = "<pre><code class=\"language-";
    const CLOSE: &str = "</code></pre>";
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(start) = html[at..].find(OPEN).map(|i| at + i + OPEN.len()) {
        let Some(quote) = html[start..].find("\">").map(|i| start + i) else { break };
        let Some(end) = html[quote..].find(CLOSE).map(|i| quote + i) else { break };
        let name = &html[start..quote];
        if let Some((_, language)) = Language::ALL.iter().find(|(n, _)| *n == name) {
            let query = unescape(html[quote + 2..end].trim());
            found.push(Block { language: *language, query, end: end + CLOSE.len() });
        }
        at = end + CLOSE.len();
    }
    found
}

/// The page with `below` after each block. `below` is HTML.
pub fn insert(html: &str, blocks: &[Block], below: &[String]) -> String {
    let mut out = String::with_capacity(html.len() + below.iter().map(String::len).sum::<usize>());
    let mut at = 0;
    for (block, text) in blocks.iter().zip(below) {
        out.push_str(&html[at..block.end]);
        out.push_str(text);
        at = block.end;
    }
    out.push_str(&html[at..]);
    out
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<p>a</p><pre><code class=\"language-promql\">sum(rate(x{job=&quot;{{ $labels.service }}&quot;}[1m])) &gt; 1\n</code></pre><pre><code class=\"language-sh\">ls</code></pre><pre><code class=\"language-logql\">{a=&quot;{{ $labels.nope }}&quot;}</code></pre>";

    #[test]
    fn blocks_are_filled_and_read_back_as_text() {
        let html = fill(PAGE, &Labels::from_pairs([("service", "pay<b>\"")]));
        assert!(html.contains("pay&lt;b&gt;&quot;") && !html.contains("<b>"));
        let found = blocks(&html);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].query, "sum(rate(x{job=\"pay<b>\"\"}[1m])) > 1");
        assert_eq!((found[1].language, found[1].is_open()), (Language::Logs, true));
    }

    #[test]
    fn what_is_put_in_stands_below_its_block() {
        let found = blocks(PAGE);
        let html = insert(PAGE, &found, &["<i>1</i>".into(), "<i>2</i>".into()]);
        assert!(html.contains("</code></pre><i>1</i><pre><code class=\"language-sh\">"));
        assert!(html.ends_with("</code></pre><i>2</i>"));
    }

    #[test]
    fn broken_pages_do_no_harm() {
        for html in [
            "",
            "{{",
            "{{ }}",
            "<pre><code class=\"language-promql",
            "<pre><code class=\"language-promql\">x",
        ] {
            assert_eq!(blocks(html), []);
            assert_eq!(fill(html, &Labels::default()), html);
        }
    }
}
