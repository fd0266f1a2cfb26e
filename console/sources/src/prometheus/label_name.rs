//! Label names in a path. Those that Prometheus 2 does not know are escaped as Prometheus 3 expects it
//! (prometheus/common/model: `EscapeName` with `ValueEncodingEscaping`).

use std::fmt::Write as _;

const PREFIX: &str = "U__";

/// An identifier as it is; any other text behind a prefix, each strange character by its number.
pub fn escaped(name: &str) -> String {
    let is_plain = |at: usize, c: char| c == '_' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit());
    if name.char_indices().all(|(at, c)| is_plain(at, c)) && !name.starts_with(PREFIX) {
        return name.to_owned();
    }
    let mut out = PREFIX.to_owned();
    for (at, c) in name.char_indices() {
        match c {
            '_' => out.push_str("__"),
            ':' => out.push(c),
            _ if is_plain(at, c) => out.push(c),
            _ => {
                // Text takes all.
                let _ = write!(out, "_{:x}_", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_where_they_must_be() {
        for (name, wanted) in [
            ("job", "job"),
            ("http_status", "http_status"),
            ("http.status", "U__http_2e_status"),
            ("a_b/c", "U__a__b_2f_c"),
            ("1st", "U___31_st"),
            ("U__x", "U__U____x"),
            ("café", "U__caf_e9_"),
        ] {
            assert_eq!(escaped(name), wanted);
        }
    }
}
