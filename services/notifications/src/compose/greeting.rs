//! The name that a mail greets: of an account, chosen by its owner. All the same it carries no message: nothing of it is a
//! link, a number, a line break or longer than a name is.

const MOST_CHARS: usize = 40;
const MOST_WORDS: usize = 4;

/// The name as a mail shows it; nothing for what is no name.
pub(super) fn name(typed: &str) -> Option<String> {
    if looks_like_a_link(typed) {
        return None;
    }
    let words = typed.split(|c: char| c.is_whitespace() || c.is_control());
    let words = words.map(letters).filter(|word| word.chars().any(char::is_alphabetic));
    let name = words.take(MOST_WORDS).collect::<Vec<_>>().join(" ");
    let name: String = name.chars().take(MOST_CHARS).collect();
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}

/// A mail program makes a link of `host.example` as well, with any letters: only a dot that ends a word is none.
fn looks_like_a_link(typed: &str) -> bool {
    let mut chars = typed.chars().peekable();
    while let Some(c) = chars.next() {
        let inside = |next: Option<&char>| next.is_some_and(|next| next.is_alphanumeric());
        match c {
            '/' | '\\' | '@' | '<' | '>' | ':' => return true,
            // Full stops of other scripts count as dots in host names, too.
            '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' if inside(chars.peek()) => return true,
            _ => {}
        }
    }
    false
}

/// Letters, the marks above them, and what stands in names; no digits, no signs that turn the direction of text around.
fn letters(word: &str) -> String {
    let is_part = |c: &char| {
        c.is_alphabetic() || matches!(*c, '\'' | '\u{2019}' | '-' | '.' | '\u{300}'..='\u{36f}' | '\u{94d}')
    };
    word.chars().filter(is_part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greets(typed: &str) -> String {
        name(typed).unwrap_or_else(|| "nobody".to_owned())
    }

    #[test]
    fn names_of_people_stay_as_they_are() {
        for person in [
            "Kim Harbour",
            "Anne-Marie O\u{2019}Neill",
            "Jos\u{e9} Luis",
            "Dr. Yi",
            "\u{738b}\u{5c0f}\u{660e}",
            "Zoe\u{308} Z.",
        ] {
            assert_eq!(greets(person), person);
        }
        assert_eq!(greets("Maria del Carmen de la Cruz"), "Maria del Carmen de");
    }

    #[test]
    fn what_is_a_link_is_nobody() {
        for link in [
            "you have won 1000 EUR, fetch it at http://evil.example/win now",
            "www.evil.example",
            "evil.example",
            "evil\u{3002}example",
            "Kim kim@evil.example",
            "<b>Kim</b>",
        ] {
            assert_eq!(greets(link), "nobody", "{link}");
        }
    }

    #[test]
    fn a_message_is_cut_to_the_length_of_a_name() {
        assert_eq!(greets("you have won 1000 EUR call +49 431 555 now"), "you have won EUR");
        assert_eq!(greets(&"a".repeat(500)).len(), MOST_CHARS);
        assert_eq!(greets("Kim\r\nBcc: all"), "nobody");
        assert_eq!(greets("Kim\r\nHarbour\u{202e}"), "Kim Harbour");
        assert_eq!(greets("1000 !"), "nobody");
    }
}
