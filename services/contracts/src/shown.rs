//! Characters that show as themselves.
//!
//! A name or an address is shown beside other people's: on parcels, in mails, in the back office. A character that is not
//! seen, or that turns around what stands beside it, has no place in it.

/// Whether a character may stand in a line that others read: no control, no line or paragraph separator (U+2028, U+2029),
/// no mark, embedding, override or isolate of the bidirectional algorithm (UAX #9), nothing of no width but the joiners
/// that some scripts are written with.
pub fn is_shown(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

/// Whether a whole text is one line that shows as it is.
pub fn is_line(text: &str) -> bool {
    text.chars().all(is_shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_scripts_pass_and_what_turns_a_line_around_does_not() {
        for name in ["Mia Harbour", "Zoë d'Été-Ødegård", "محمد", "שרה", "क्‍ष", "李小龙", "👩‍🚀", ""]
        {
            assert!(is_line(name), "{name}");
        }
        for evil in [
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{200f}",
            "a\nb",
            "a\tb",
            "a\u{0}b",
            "a\u{2028}b",
            "\u{feff}a",
            "a\u{200b}b",
        ] {
            assert!(!is_line(evil), "{evil:?}");
        }
    }
}
