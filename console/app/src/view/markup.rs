//! HTML written by hand, where a component would cost more than it gives.

/// Text as HTML text or as a quoted attribute's value.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// At most `max` characters; what was cut is told by an ellipsis.
pub fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(escape(r#"<a href='x'>"&"#), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(shorten("日本語", 2), "日本…");
        assert_eq!(shorten("日本語", 3), "日本語");
    }
}
