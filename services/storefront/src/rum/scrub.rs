//! Texts from browsers, fit for a log: no addresses of people, no queries, no long numbers, nothing that is not visible.

/// Digits in a row that may be somebody's number.
const LONG_NUMBER: usize = 5;

/// The text in one line, without what may be about a person.
pub fn scrub(text: &str) -> String {
    let visible: String =
        text.chars().map(|c| if c.is_control() || is_direction(c) { ' ' } else { c }).collect();
    visible.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// Marks that turn the direction of text around, and so what a log seems to say.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn word(word: &str) -> String {
    if word.contains('@') {
        return "[address]".to_owned();
    }
    let cut = word.find(['?', '#']).filter(|at| word[..*at].contains('/'));
    let word = cut.map_or_else(|| word.to_owned(), |at| format!("{}?…", &word[..at]));
    numbers_out(&word)
}

fn numbers_out(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut digits = String::new();
    for c in word.chars().chain(std::iter::once('\0')) {
        if c.is_numeric() {
            digits.push(c);
            continue;
        }
        out.push_str(if digits.chars().count() >= LONG_NUMBER { "#" } else { &digits });
        digits.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_queries_and_numbers_are_left_out() {
        for (text, clean) in [
            ("x is not a function", "x is not a function"),
            ("kim@example.com is wrong", "[address] is wrong"),
            (
                "Failed to fetch https://shop.example/search?q=kim now",
                "Failed to fetch https://shop.example/search?… now",
            ),
            ("/orders/lookup#token=1", "/orders/lookup?…"),
            ("card 4242424242424242, line 17", "card #, line 17"),
            ("really?", "really?"),
            ("a\nb\u{202e}\u{0}c\t\u{1b}[31m", "a b c [31m"),
        ] {
            assert_eq!(scrub(text), clean);
        }
    }
}
