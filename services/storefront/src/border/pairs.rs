//! `name=value&…`, of a query or a form, decoded strictly.

use std::borrow::Cow;

/// Pairs at most.
const MOST_PAIRS: usize = 200;

/// Decoded pairs; the last one of a name counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(Vec<(String, String)>);

/// Why text is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A name or value is not UTF-8 once decoded.
    #[error("not UTF-8")]
    NotUtf8,
    /// A name or value holds a control character other than tab and line ends.
    #[error("a control character")]
    Control,
    /// Too many pairs.
    #[error("more than {MOST_PAIRS} fields")]
    TooMany,
}

impl Pairs {
    /// Decodes percent signs and pluses.
    pub fn decode(text: &[u8]) -> Result<Self, Malformed> {
        let mut pairs = Vec::new();
        for part in text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
            if pairs.len() == MOST_PAIRS {
                return Err(Malformed::TooMany);
            }
            let at = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
            pairs.push((word(&part[..at])?, word(part.get(at + 1..).unwrap_or_default())?));
        }
        Ok(Self(pairs))
    }

    /// The value under this name; empty when it was not sent.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    /// All values whose name begins so, with the rest of the name.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }
}

fn word(raw: &[u8]) -> Result<String, Malformed> {
    let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded: Cow<'_, [u8]> = urlencoding::decode_binary(&spaced);
    let text = String::from_utf8(decoded.into_owned()).map_err(|_| Malformed::NotUtf8)?;
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\n');
    if text.contains(control) { Err(Malformed::Control) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_the_last_of_a_name_counts() {
        let pairs = Pairs::decode(b"q=rope+%26+tar&&page=1&page=2&empty&x=%C3%A4&line_1=a&line_2=b").unwrap();
        assert_eq!((pairs.get("q"), pairs.get("page"), pairs.get("empty")), ("rope & tar", "2", ""));
        assert_eq!((pairs.get("x"), pairs.get("absent")), ("ä", ""));
        assert_eq!(pairs.with_prefix("line_").collect::<Vec<_>>(), [("1", "a"), ("2", "b")]);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(Pairs::decode(b"q=%00"), Err(Malformed::Control));
        assert_eq!(Pairs::decode(b"q=%ff"), Err(Malformed::NotUtf8));
        assert_eq!(Pairs::decode(b"\xff=1"), Err(Malformed::NotUtf8));
        assert_eq!(Pairs::decode(&b"a&".repeat(201)), Err(Malformed::TooMany));
        assert!(Pairs::decode(b"%&%2&%zz=%").is_ok(), "a lone percent sign is one");
    }
}
