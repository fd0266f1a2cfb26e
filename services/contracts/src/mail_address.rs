//! Which addresses mail can be written to.

/// Longest part before the `@`, bytes (RFC 5321, 4.5.3.1).
const MAX_NAME_BYTES: usize = 64;
/// Longest label of a host, bytes.
const MAX_LABEL_BYTES: usize = 63;

/// Whether a mail can be addressed so: a dot-atom (RFC 5322, 3.2.3), `@`, and a host with a domain. Quoted names,
/// addresses of machines and names outside ASCII are none: no shop's customer has them, and mailers differ about them.
pub fn is_mail_address(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else { return false };
    let labels = || host.split('.');
    name.len() <= MAX_NAME_BYTES
        && name.split('.').all(is_atom)
        && labels().count() > 1
        && labels().all(is_label)
}

fn is_atom(text: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b);
    !text.is_empty() && text.bytes().all(is_atext)
}

/// Letters of any script: hosts may be written in them.
fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_have_is_an_address() {
        for text in
            ["kim@example.com", "kim.o'neil+shop@mail.example.co.uk", "k_1@x-y.example", "kim@bücher.example"]
        {
            assert!(is_mail_address(text), "{text}");
        }
        assert!(is_mail_address(&format!("{}@x.example", "a".repeat(64))));
    }

    #[test]
    fn what_no_mail_can_be_written_to_is_none() {
        let refused = [
            "",
            "kim",
            "@x.example",
            "kim@",
            "kim@x",
            "kim@x.",
            "kim@.x",
            "a@x..example",
            ".a@x.example",
            "a.@x.example",
            "a..b@x.example",
            "<a@x.example>",
            "\"a\"@x.example",
            "\"a\"b\"@x.example",
            "a@[127.0.0.1]",
            "ä@x.example",
            "a b@x.example",
            "a@x example.com",
            "a@b@x.example",
            "a@-x.example",
            "a@x-.example",
            "a,b@x.example",
            "a\n@x.example",
            "a@x.example\r\nBcc: b@x.example",
        ];
        for text in refused {
            assert!(!is_mail_address(text), "{text:?}");
        }
        assert!(!is_mail_address(&format!("{}@x.example", "a".repeat(65))));
        assert!(!is_mail_address(&format!("a@{}.example", "x".repeat(64))));
    }
}
