//! Queries and texts in tokens, so that a damaged one is often still one: tokens and groups in brackets change places with
//! others of their kind.

use std::ops::Range;

use crate::rng::Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Number,
    Quoted,
    Space,
    Sign,
}

fn kind(byte: u8) -> Kind {
    match byte {
        b'0'..=b'9' => Kind::Number,
        b'"' | b'\'' | b'`' => Kind::Quoted,
        b' ' | b'\n' | b'\t' => Kind::Space,
        b if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 => Kind::Word,
        _ => Kind::Sign,
    }
}

fn tokens(text: &[u8]) -> Vec<(Kind, Range<usize>)> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let kind = kind(text[at]);
        let rest = &text[at + 1..];
        let more = match kind {
            Kind::Word | Kind::Number => {
                rest.iter().position(|b| !(b.is_ascii_alphanumeric() || b"_:.".contains(b) || *b >= 0x80))
            }
            Kind::Quoted => rest.iter().position(|b| *b == text[at]).map(|end| end + 1),
            Kind::Space => rest.iter().position(|b| !b" \n\t".contains(b)),
            Kind::Sign => Some(0),
        };
        let end = at + 1 + more.unwrap_or(rest.len());
        out.push((kind, at..end));
        at = end;
    }
    out
}

/// A random group in brackets, with them.
fn group(text: &[u8], rng: &mut Rng) -> Option<Range<usize>> {
    let starts: Vec<usize> = (0..text.len()).filter(|i| b"([{".contains(&text[*i])).collect();
    let start = *rng.pick(&starts)?;
    let mut depth = 0;
    for (i, byte) in text.iter().enumerate().skip(start) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(start..i + 1);
        }
    }
    None
}

/// Puts a token of `other` in the place of one of its kind, or leaves one out, or says one twice.
pub(crate) fn change_token(text: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let all = tokens(text);
    let Some((kind, place)) = rng.pick(&all).cloned() else { return };
    match rng.below(8) {
        0 => drop(text.drain(place)),
        1 => {
            let twice = text[place.clone()].to_vec();
            text.splice(place.end..place.end, twice);
        }
        _ => {
            let same: Vec<_> = tokens(other).into_iter().filter(|(k, _)| *k == kind).collect();
            if let Some((_, from)) = rng.pick(&same).cloned() {
                text.splice(place, other[from].iter().copied());
            }
        }
    }
}

/// Puts a group of `other` in the place of one in the same brackets.
pub(crate) fn change_group(text: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let Some(place) = group(text, rng) else { return };
    let Some(from) = group(other, rng) else { return };
    if text[place.start] == other[from.start] {
        text.splice(place, other[from].iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cover_the_text_in_order() {
        let text = "sum by(a_1) (rate({x=\"é (\"}[5m])) > 1.5e3 ` ".as_bytes();
        let all = tokens(text);
        assert_eq!(all.iter().flat_map(|(_, r)| text[r.clone()].to_vec()).collect::<Vec<_>>(), text);
        assert!(
            all.iter().any(|(kind, r)| *kind == Kind::Quoted && &text[r.clone()] == "\"é (\"".as_bytes())
        );
    }

    #[test]
    fn groups_are_balanced() {
        let mut rng = Rng::new(1);
        for _ in 0..50 {
            let text = b"f(a[1], {b=(c)})";
            let found = group(text, &mut rng).unwrap();
            assert!([&b"(a[1], {b=(c)})"[..], b"[1]", b"{b=(c)}", b"(c)"].contains(&&text[found]));
        }
        assert_eq!(group(b"(((", &mut rng), None);
    }
}
