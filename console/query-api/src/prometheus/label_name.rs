//! Label names in a path: any text, escaped as Prometheus 3 does (prometheus/common/model: `UnescapeName` of
//! `ValueEncodingEscaping`).

/// Hexadecimal digits of the largest character.
const MAX_DIGITS: usize = 6;

/// `U__http_2e_status` is `http.status`. What is no such name stays as it is.
pub fn unescape(name: &str) -> String {
    name.strip_prefix("U__").and_then(decoded).unwrap_or_else(|| name.to_owned())
}

fn decoded(escaped: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = escaped;
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let (digits, after) = rest.split_once('_')?;
        if digits.len() > MAX_DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        out.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unescaped_or_stay_as_they_are() {
        for (name, wanted) in [
            ("job", "job"),
            ("U__http_2e_status", "http.status"),
            ("U__with__under__score", "with_under_score"),
            ("U__caf_E9_", "café"),
            ("U__a_1F600_b", "a😀b"),
            ("U__", ""),
            ("U__bad_", "U__bad_"),
            ("U__bad_zz_", "U__bad_zz_"),
            ("U__bad_d800_", "U__bad_d800_"),
            ("U__bad_1234567_", "U__bad_1234567_"),
        ] {
            assert_eq!(unescape(name), wanted, "{name}");
        }
    }
}
