//! The storefront's keys: what it seals into cookies nobody else can read or make, and what it signs nobody can forge.
//!
//! One master key a generation: the first seals and signs, all of them open and verify. So a key is rotated by putting a
//! new one behind the old one until every instance opens with it, then in front, and dropping the old one when the
//! longest-lived cookie is over. Two keys are derived from each master, one for sealing (AES-256-GCM with random nonces)
//! and one for signing (HMAC-SHA-256).

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shop_instrumentation::config::Env;
use shop_instrumentation::keys::{DIGEST_BYTES, DigestKeys, KEY_BYTES, KeysError, MasterKeys};

const NONCE_BYTES: usize = 12;
/// Longest sealed text that is looked at; browsers keep cookies of 4 KB.
const LONGEST_SEALED: usize = 4_096;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 16;

/// All generations of the key.
pub struct Keyring {
    sealing: Vec<RandomizedNonceKey>,
    signing: DigestKeys,
}

impl Keyring {
    /// Reads `COOKIE_KEY_FILE` (one key a line) or `COOKIE_KEY` (comma-separated), newest key first.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        MasterKeys::from_env(env, "COOKIE_KEY").as_ref().map(Self::new)
    }

    /// Keys in hexadecimal digits, separated by commas or white space, newest first.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        MasterKeys::parse(text).map(|masters| Self::new(&masters))
    }

    fn new(masters: &MasterKeys) -> Self {
        let sealing = |key: &[u8; KEY_BYTES]| {
            RandomizedNonceKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes")
        };
        Self {
            sealing: masters.derived("storefront cookies 1").iter().map(sealing).collect(),
            signing: DigestKeys::new(masters, "storefront forms 1"),
        }
    }

    /// Encrypts and authenticates `plain` for one purpose: base64url of nonce, cipher text, tag.
    ///
    /// # Panics
    /// When the cryptographic library cannot give random bytes.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> String {
        let mut text = plain.to_vec();
        let nonce = self.sealing[0]
            .seal_in_place_append_tag(Aad::from(purpose), &mut text)
            .expect("sealing a few kilobytes fails only without random bytes");
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// What was sealed for this purpose by any generation; `None` for anything else.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        if sealed.len() > LONGEST_SEALED {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_at_checked(NONCE_BYTES)?;
        self.sealing.iter().find_map(|sealing| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut text = text.to_vec();
            let plain = sealing.open_in_place(nonce, Aad::from(purpose), &mut text).ok()?;
            Some(plain.to_vec())
        })
    }

    /// Signs `data` with the newest key.
    pub fn sign(&self, data: &[u8]) -> [u8; SIGNATURE_BYTES] {
        cut(&self.signing.digest(data))
    }

    /// Whether any generation signed `data` so. Its time does not tell where a difference is.
    pub fn verify(&self, data: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let same = |expected: &[u8; DIGEST_BYTES]| {
            expected.iter().zip(signature).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
        };
        self.signing.digests(data).iter().any(same)
    }
}

fn cut(digest: &[u8; DIGEST_BYTES]) -> [u8; SIGNATURE_BYTES] {
    let mut signature = [0; SIGNATURE_BYTES];
    signature.copy_from_slice(&digest[..SIGNATURE_BYTES]);
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    const NEW: &str = "2222222222222222222222222222222222222222222222222222222222222222";

    #[test]
    fn what_was_sealed_is_opened_for_its_purpose_only() {
        let keys = Keyring::parse(OLD).unwrap();
        let sealed = keys.seal("cart", b"three lamps");
        assert_eq!(keys.open("cart", &sealed).as_deref(), Some(b"three lamps".as_slice()));
        assert_eq!(keys.open("session", &sealed), None);
        assert_ne!(sealed, keys.seal("cart", b"three lamps"), "nonces are random");
        assert!(!sealed.contains("lamp") && sealed.is_ascii());
    }

    #[test]
    fn one_changed_character_opens_nothing() {
        let keys = Keyring::parse(OLD).unwrap();
        let sealed = keys.seal("cart", b"three lamps");
        for at in 0..sealed.len() {
            let mut text = sealed.clone().into_bytes();
            text[at] = if text[at] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(text).unwrap();
            assert!(text == sealed || keys.open("cart", &text).is_none(), "at {at}");
        }
        for garbage in ["", "=", "AAAA", "ä", &"A".repeat(5_000)] {
            assert_eq!(keys.open("cart", garbage), None);
        }
    }

    #[test]
    fn older_generations_open_and_verify_until_they_are_dropped() {
        let before = Keyring::parse(OLD).unwrap();
        let (sealed, signature) = (before.seal("cart", b"x"), before.sign(b"y"));
        let during = Keyring::parse(&format!("{NEW}\n{OLD}\n")).unwrap();
        assert!(during.open("cart", &sealed).is_some() && during.verify(b"y", &signature));
        assert!(before.open("cart", &during.seal("cart", b"x")).is_none(), "the newest key seals");
        let after = Keyring::parse(NEW).unwrap();
        assert!(after.open("cart", &sealed).is_none() && !after.verify(b"y", &signature));
    }

    #[test]
    fn a_key_that_comes_behind_first_costs_nobody_a_cookie_while_instances_are_replaced() {
        let steps = [OLD.to_owned(), format!("{OLD},{NEW}"), format!("{NEW},{OLD}")];
        for beside in steps.map(|list| Keyring::parse(&list).unwrap()).windows(2) {
            for (one, other) in [(&beside[0], &beside[1]), (&beside[1], &beside[0])] {
                assert!(other.open("cart", &one.seal("cart", b"x")).is_some());
                assert!(other.verify(b"y", &one.sign(b"y")));
            }
        }
    }
}
