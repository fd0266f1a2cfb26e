//! Whose mailbox an address is, for counting.
//!
//! Mails go where the address says. What is counted by address would be counted anew for `kim+1@`, `kim+2@` and the next
//! spelling, although one person reads them all.

use std::borrow::Cow;

use url::Host;

/// The mailbox of an address: without case, quotes and what follows a plus, the host as the domain name system knows it.
/// Dots stay: to most servers they make another mailbox.
pub(crate) fn of(address: &str) -> String {
    let address = address.trim().to_lowercase();
    let Some((name, host)) = address.rsplit_once('@') else { return address };
    let name = unquoted(name);
    // A name that begins with a plus has nothing else.
    let name =
        name.split_once('+').map_or(&*name, |(before, _)| if before.is_empty() { &name } else { before });
    let host = Host::parse(host).map_or_else(|_| host.to_owned(), |host| host.to_string());
    format!("{name}@{}", host.trim_end_matches('.'))
}

/// What stands between quotes, where a backslash stands for nothing but the character behind it (RFC 5321, 4.1.2).
fn unquoted(name: &str) -> Cow<'_, str> {
    let Some(quoted) = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) else {
        return name.into();
    };
    let mut chars = quoted.chars();
    let meant =
        std::iter::from_fn(|| chars.next().map(|c| if c == '\\' { chars.next().unwrap_or(c) } else { c }));
    meant.collect()
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn addresses_of_one_mailbox_are_one() {
        for address in [
            "kim@example.com",
            " KIM@Example.com ",
            "kim+1@example.com",
            "Kim+shop+2@example.com",
            "\"kim\"@example.com",
            "\"kim+3\"@example.com",
            "\"k\\im\"@example.com",
            "\"kim\\+1\"@example.com",
            "\"\\k\\i\\m\"@example.com",
            "kim@\u{ff45}xample.com",
            "kim@example\u{3002}com",
        ] {
            assert_eq!(of(address), "kim@example.com", "{address}");
        }
        assert_eq!(of("kim@b\u{fc}cher.example"), of("kim+1@xn--bcher-kva.example"));
    }

    #[test]
    fn addresses_of_others_are_others() {
        for other in ["k.im@example.com", "kim@example.org", "kim2@example.com", "kim-1@example.com"] {
            assert_ne!(of(other), of("kim@example.com"), "{other}");
        }
        assert_ne!(of("\"k\\\\im\"@example.com"), of("kim@example.com"), "a backslash of the name's own");
        assert_ne!(of("+1@example.com"), of("+2@example.com"), "no plus of a name, but all of it");
        assert_eq!(of("no address"), "no address");
    }
}
