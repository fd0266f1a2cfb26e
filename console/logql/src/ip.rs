//! `ip("10.0.0.0/8")`: one address, a range, or a network.

use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpRange {
    v6: bool,
    first: u128,
    last: u128,
}

fn number(ip: IpAddr) -> (bool, u128) {
    match ip {
        IpAddr::V4(a) => (false, u128::from(u32::from(a))),
        IpAddr::V6(a) => (true, u128::from(a)),
    }
}

impl IpRange {
    pub fn parse(text: &str) -> Option<Self> {
        let one = |s: &str| s.trim().parse::<IpAddr>().ok().map(number);
        if let Some((network, bits)) = text.split_once('/') {
            let (v6, base) = one(network)?;
            let width: u32 = if v6 { 128 } else { 32 };
            let bits: u32 = bits.parse().ok().filter(|b| *b <= width)?;
            let host = if bits == width { 0 } else { (u128::MAX >> (128 - width)) >> bits };
            return Some(Self { v6, first: base & !host, last: base | host });
        }
        if let Some((first, last)) = text.split_once('-') {
            let ((v6, first), (last_v6, last)) = (one(first)?, one(last)?);
            return (v6 == last_v6 && first <= last).then_some(Self { v6, first, last });
        }
        let (v6, address) = one(text)?;
        Some(Self { v6, first: address, last: address })
    }

    fn contains(&self, ip: IpAddr) -> bool {
        let (v6, address) = number(ip);
        v6 == self.v6 && (self.first..=self.last).contains(&address)
    }

    /// Whether some address in the text lies in the range.
    pub fn found_in(&self, text: &str) -> bool {
        text.split(|c: char| !c.is_ascii_hexdigit() && c != '.' && c != ':').any(|word| {
            let word = word.trim_end_matches(['.', ':']);
            let inside = |s: &str| s.parse::<IpAddr>().is_ok_and(|ip| self.contains(ip));
            // `10.0.0.7:80` is an address and a port.
            inside(word) || word.contains('.') && word.split(':').any(inside)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_ranges_and_addresses_are_found_in_text() {
        let found = |range: &str, text: &str| IpRange::parse(range).unwrap().found_in(text);
        assert!(found("10.0.0.0/8", "client 10.1.2.3:80 said"));
        assert!(!found("10.0.0.0/8", "client 11.1.2.3:80 said"));
        assert!(found("0.0.0.0/0", "1.2.3.4"));
        assert!(found("2001:db8::/32", "from 2001:db8::1."));
        assert!(found("1.2.3.4-1.2.3.6", "1.2.3.5"));
        assert_eq!(IpRange::parse("bogus"), None);
        assert_eq!(IpRange::parse("1.2.3.4/33"), None);
    }
}
