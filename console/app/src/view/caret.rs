//! Where in a query something is wrong, as text under the query.

use super::markup::shorten;

/// Characters shown on either side.
const SIDE: usize = 120;

/// The line of a query with the place of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caret {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What stands before the place, on its line; as wide as the caret must be moved.
    pub before: String,
    pub after: String,
}

impl Caret {
    /// `position` is a byte offset; one inside a character or beyond the end is moved back.
    pub fn place(text: &str, position: usize) -> Self {
        let mut at = position.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let (head, tail) = text.split_at(at);
        let begin = head.rfind('\n').map_or(0, |i| i + 1);
        let before = &head[begin..];
        let after = tail.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let column = before.chars().count() + 1;
        let skipped = (column - 1).saturating_sub(SIDE);
        let shown: String = before.chars().skip(skipped).collect();
        Self {
            line: head.matches('\n').count() + 1,
            column,
            before: if skipped > 0 { format!("…{shown}") } else { shown },
            after: shorten(after, SIDE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, position: usize) -> (usize, usize, String, String) {
        let c = Caret::place(text, position);
        (c.line, c.column, c.before, c.after)
    }

    #[test]
    fn the_caret_counts_characters_not_bytes() {
        let text = r#"{a="größe"} |"#;
        let position = text.find('|').unwrap();
        assert_eq!(parts(text, position), (1, 13, r#"{a="größe"} "#.into(), "|".into()));
        // Inside of ö: before it.
        assert_eq!(parts(text, 7).2, r#"{a="gr"#);
    }

    #[test]
    fn only_the_line_with_the_error_is_shown() {
        assert_eq!(parts("sum(\n  up{\n)", 9), (2, 5, "  up".into(), "{".into()));
        assert_eq!(parts("a\r\nb", 1), (1, 2, "a".into(), String::new()));
    }

    #[test]
    fn the_end_and_beyond_are_places_too() {
        assert_eq!(parts("up{", 3), (1, 4, "up{".into(), String::new()));
        assert_eq!(parts("up{", 99), (1, 4, "up{".into(), String::new()));
        assert_eq!(parts("", 5), (1, 1, String::new(), String::new()));
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let c = Caret::place(&"ü".repeat(1000), 1000);
        assert_eq!((c.column, c.before.chars().count(), c.after.chars().count()), (501, SIDE + 1, SIDE + 1));
    }
}
