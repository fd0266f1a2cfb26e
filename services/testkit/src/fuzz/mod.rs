//! Repeatable arbitrary input for the routes of a service: paths, queries, headers and bodies nobody would send.

mod good;
mod routes;
mod value;

pub use good::{Good, each_operation_succeeds};
pub use routes::{Plan, no_route_fails};

/// Characters that have broken something somewhere: control characters, quotes, wildcards, the edges of UTF-8.
const EVIL: [&[u8]; 16] = [
    b"\0",
    b"\x1b",
    b"\x7f",
    b"\r\n",
    b"'\"\\",
    b"%",
    b"/../",
    b"\xff\xfe",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    "\u{202e}".as_bytes(),
    "\u{1f6a2}".as_bytes(),
    b":*&|!()",
    b"9223372036854775808",
    b"-1",
    b"\\u0000",
];

/// A stream of arbitrary values; the same seed gives the same values.
#[derive(Debug, Clone)]
pub struct Bytes(u64);

impl Bytes {
    /// A stream; `seed` is not zero.
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// Any number (xorshift64*).
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() >> 16) as usize % bound
    }

    /// Up to 24 arbitrary bytes, or something known to be evil, or both; now and then very long.
    pub fn raw(&mut self) -> Vec<u8> {
        let mut raw: Vec<u8> = (0..self.below(24)).map(|_| self.number() as u8).collect();
        if self.below(2) == 0 {
            raw.extend_from_slice(EVIL[self.below(EVIL.len())]);
        }
        if self.below(20) == 0 {
            raw.resize(3000, b'a');
        }
        raw
    }

    /// Arbitrary text, control characters included.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.raw()).into_owned()
    }

    /// Visible characters for a header, at most 200.
    pub fn header(&mut self) -> String {
        (0..self.below(200)).map(|_| char::from(b'!' + self.below(94) as u8)).collect()
    }

    /// The route with arbitrary segments, or one of `known`, where it has parameters.
    pub fn path(&mut self, route: &str, known: &[String]) -> String {
        let segments = route.split('/').map(|segment| {
            if !segment.starts_with('{') {
                return segment.to_owned();
            }
            match self.below(3) {
                0 if !known.is_empty() => known[self.below(known.len())].clone(),
                _ => encoded(&self.raw()),
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// A query string of some of these parameters with arbitrary values.
    pub fn query(&mut self, names: &[&str]) -> String {
        let mut query = String::new();
        for name in names {
            if self.below(2) == 0 {
                query.push_str(name);
                query.push('=');
                query.push_str(&encoded(&self.raw()));
                query.push('&');
            }
        }
        query
    }

    /// The body as it is, or cut, or with arbitrary bytes in it, or arbitrary as a whole.
    pub fn damaged(&mut self, mut body: Vec<u8>) -> Vec<u8> {
        match self.below(4) {
            0 => body.truncate(self.below(body.len() + 1)),
            1 => {
                let at = self.below(body.len() + 1);
                let raw = self.raw();
                body.splice(at..at, raw);
            }
            2 if self.below(2) == 0 => body = self.raw(),
            _ => {}
        }
        body
    }
}

fn encoded(raw: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in raw {
        if byte.is_ascii_alphanumeric() || *byte == b'-' {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
