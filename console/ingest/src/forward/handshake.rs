//! The handshake with a shared key ("Forward Protocol Specification v1", "Handshake Messages"): the server's HELO with a
//! nonce, the client's PING with what only the key's owner can compute of it, the server's PONG with the same.

use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

use super::msgpack::{Cursor, Token};
use crate::refusal::{Refusal, RefusalKind};

/// How the server calls itself.
pub const HOST: &str = "quarterdeck";
/// Longest text of a PING.
const MAX_TEXT_BYTES: usize = 1024;

/// A text of up to 2^16 bytes.
fn text(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.push(0xda);
    out.extend(length.to_be_bytes());
    out.extend(&text.as_bytes()[..usize::from(length)]);
}

/// `["HELO", {"nonce": …, "auth": "", "keepalive": true}]`
pub fn helo(nonce: &[u8; 16]) -> Vec<u8> {
    let mut out = vec![0x92];
    text(&mut out, "HELO");
    out.push(0x83);
    text(&mut out, "nonce");
    out.extend([0xc4, 16]);
    out.extend(nonce);
    text(&mut out, "auth");
    text(&mut out, "");
    text(&mut out, "keepalive");
    out.push(0xc3);
    out
}

/// What acknowledges a chunk: `{"ack": …}`.
pub fn ack(chunk: &str) -> Vec<u8> {
    let mut out = vec![0x81];
    text(&mut out, "ack");
    text(&mut out, chunk);
    out
}

/// Lower-case hexadecimal of SHA-512 over salt, host, nonce and key.
pub fn digest(salt: &[u8], host: &[u8], nonce: &[u8], key: &str) -> String {
    let mut hash = Sha512::new();
    for part in [salt, host, nonce, key.as_bytes()] {
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// Checks a PING, and answers with a PONG either way: what is to be sent, and whether the client may go on.
pub fn pong(ping: &[u8], nonce: &[u8; 16], key: &str) -> Result<(Vec<u8>, bool), Refusal> {
    let wrong = |what: &str| Refusal::invalid("undecodable", format!("PING: {what}"));
    let mut cursor = Cursor::new(ping);
    let Ok(Token::Array(length @ 4..=6)) = cursor.token() else {
        return Err(wrong("expected an array of six texts"));
    };
    let mut parts: Vec<&[u8]> = Vec::with_capacity(length);
    for _ in 0..length {
        match cursor.token() {
            Ok(Token::Text(t) | Token::Bytes(t)) if t.len() <= MAX_TEXT_BYTES => parts.push(t),
            _ => return Err(wrong("expected an array of six texts")),
        }
    }
    let [name, host, salt, shown, ..] = parts[..] else {
        return Err(wrong("expected an array of six texts"));
    };
    if name != b"PING" {
        return Err(wrong("expected \"PING\" as the first text"));
    }
    let knows = bool::from(digest(salt, host, nonce, key).as_bytes().ct_eq(shown));
    let mut out = vec![0x95];
    text(&mut out, "PONG");
    out.push(if knows { 0xc3 } else { 0xc2 });
    text(&mut out, if knows { "" } else { "shared_key mismatch" });
    text(&mut out, HOST);
    // Who does not know the key learns nothing that is made of it.
    text(&mut out, &if knows { digest(salt, HOST.as_bytes(), nonce, key) } else { String::new() });
    Ok((out, knows))
}

/// What a connection ends with whose sender does not know the key.
pub fn mismatch() -> Refusal {
    Refusal {
        kind: RefusalKind::Unauthenticated,
        message: "the sender does not know the shared key".to_owned(),
        retry_after_s: None,
        reason: "unauthenticated",
    }
}
