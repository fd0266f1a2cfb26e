//! Compressed answers: which encoding a client takes, and the two that we make.

use std::io::Write as _;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use flate2::Compression;
use flate2::write::GzEncoder;

/// An encoding that we make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `br`.
    Brotli,
    /// `gzip`.
    Gzip,
}

/// How much time a byte is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Once at start, for files that are kept for ever.
    Best,
    /// For pages, made while somebody waits: a tenth of the size in well under a millisecond.
    Quick,
}

impl Encoding {
    /// The best encoding that the client takes.
    pub fn preferred(headers: &HeaderMap) -> Option<Self> {
        let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let takes = |name: &str| {
            accepted.split(',').map(str::trim).any(|part| {
                let mut pieces = part.split(';').map(str::trim);
                pieces.next() == Some(name) && !pieces.any(|quality| matches!(quality, "q=0" | "q=0.0"))
            })
        };
        if takes("br") {
            Some(Self::Brotli)
        } else if takes("gzip") {
            Some(Self::Gzip)
        } else {
            None
        }
    }

    /// As `Content-Encoding` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// `plain`, compressed.
    pub fn compress(self, plain: &[u8], effort: Effort) -> Vec<u8> {
        let mut out = Vec::with_capacity(plain.len() / 4);
        // Writing to memory does not fail.
        match (self, effort) {
            (Self::Brotli, Effort::Best) => {
                let _ = brotli::CompressorWriter::new(&mut out, 4096, 11, 20).write_all(plain);
            }
            (Self::Brotli, Effort::Quick) => {
                let _ = brotli::CompressorWriter::new(&mut out, 4096, 4, 18).write_all(plain);
            }
            (Self::Gzip, effort) => {
                let level = if effort == Effort::Best { Compression::best() } else { Compression::new(5) };
                let mut encoder = GzEncoder::new(&mut out, level);
                let _ = encoder.write_all(plain);
                let _ = encoder.finish();
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn preferred(accepted: &'static str) -> Option<Encoding> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, accepted.parse().unwrap());
        Encoding::preferred(&headers)
    }

    #[test]
    fn the_best_encoding_that_is_taken_wins() {
        assert_eq!(preferred("gzip, deflate, br"), Some(Encoding::Brotli));
        assert_eq!(preferred("gzip;q=0.8, br;q=0"), Some(Encoding::Gzip));
        assert_eq!(preferred("identity"), None);
    }

    #[test]
    fn compressed_text_comes_back() {
        let plain = "a page of rope and lamps ".repeat(400);
        for effort in [Effort::Best, Effort::Quick] {
            let (br, gz) = (
                Encoding::Brotli.compress(plain.as_bytes(), effort),
                Encoding::Gzip.compress(plain.as_bytes(), effort),
            );
            assert!(br.len() < plain.len() / 10 && gz.len() < plain.len() / 10);
            let (mut from_br, mut from_gz) = (String::new(), String::new());
            brotli::Decompressor::new(br.as_slice(), 4096).read_to_string(&mut from_br).unwrap();
            flate2::read::GzDecoder::new(gz.as_slice()).read_to_string(&mut from_gz).unwrap();
            assert!(from_br == plain && from_gz == plain);
        }
    }
}
