//! The storefront's keys: what it seals into cookies nobody else can read or make, and what it signs nobody can forge.
//!
//! One master key a generation, newest first: the newest seals and signs, all of them open and verify. So a key is
//! rotated by putting a new one in front and dropping the old one when the longest-lived cookie is over. Two keys are
//! derived from each master, one for sealing (AES-256-GCM with random nonces) and one for signing (HMAC-SHA-256).

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shop_instrumentation::config::Env;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// Generations that are kept at most.
const MOST_KEYS: usize = 4;
/// Longest sealed text that is looked at; browsers keep cookies of 4 KB.
const LONGEST_SEALED: usize = 4_096;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 16;

/// All generations of the key.
pub struct Keyring {
    generations: Vec<Generation>,
}

struct Generation {
    sealing: RandomizedNonceKey,
    signing: hmac::Key,
}

/// What is wrong with a list of keys. Never says what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is none, or there are too many.
    #[error("1 to {MOST_KEYS} keys are needed, newest first")]
    Count,
    /// One is malformed.
    #[error("a key is 32 bytes in hexadecimal digits")]
    Malformed,
}

impl Keyring {
    /// Reads `COOKIE_KEY_FILE` (one key a line) or `COOKIE_KEY` (comma-separated), newest key first.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let file: Option<String> = env.maybe("COOKIE_KEY_FILE");
        let inline = env.secret("COOKIE_KEY");
        let text = match (file, inline) {
            (Some(path), _) => match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(cause) => {
                    env.note(format!("COOKIE_KEY_FILE cannot be read: {cause}"));
                    return None;
                }
            },
            (None, Some(secret)) => secret.expose().to_owned(),
            (None, None) => {
                env.note("COOKIE_KEY_FILE or COOKIE_KEY is required: 32 bytes in hexadecimal digits");
                return None;
            }
        };
        Self::parse(&text).map_err(|cause| env.note(format!("COOKIE_KEY: {cause}"))).ok()
    }

    /// Keys in hexadecimal digits, separated by commas or white space, newest first.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let parts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
        let generations = parts.map(Generation::parse).collect::<Result<Vec<_>, _>>()?;
        if !(1..=MOST_KEYS).contains(&generations.len()) {
            return Err(KeyringError::Count);
        }
        Ok(Self { generations })
    }

    /// Encrypts and authenticates `plain` for one purpose: base64url of nonce, cipher text, tag.
    ///
    /// # Panics
    /// When the cryptographic library cannot give random bytes.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> String {
        let mut text = plain.to_vec();
        let sealing = &self.generations[0].sealing;
        let nonce = sealing
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
        self.generations.iter().find_map(|generation| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut text = text.to_vec();
            let plain = generation.sealing.open_in_place(nonce, Aad::from(purpose), &mut text).ok()?;
            Some(plain.to_vec())
        })
    }

    /// Signs `data` with the newest key.
    pub fn sign(&self, data: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.generations[0].sign(data)
    }

    /// Whether any generation signed `data` so. Its time does not tell where a difference is.
    pub fn verify(&self, data: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let same = |generation: &Generation| {
            let expected = generation.sign(data);
            expected.iter().zip(signature).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
        };
        self.generations.iter().any(same)
    }
}

impl Generation {
    fn parse(text: &str) -> Result<Self, KeyringError> {
        let bytes = hex::decode(text).map_err(|_| KeyringError::Malformed)?;
        if bytes.len() != KEY_BYTES {
            return Err(KeyringError::Malformed);
        }
        let master = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let derived = |label: &str| hmac::sign(&master, label.as_bytes());
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, derived("storefront cookies 1").as_ref());
        Ok(Self {
            sealing: sealing.map_err(|_| KeyringError::Malformed)?,
            signing: hmac::Key::new(hmac::HMAC_SHA256, derived("storefront forms 1").as_ref()),
        })
    }

    fn sign(&self, data: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let mut signature = [0; SIGNATURE_BYTES];
        signature.copy_from_slice(&hmac::sign(&self.signing, data).as_ref()[..SIGNATURE_BYTES]);
        signature
    }
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
    fn malformed_lists_are_refused_without_telling_them() {
        for wrong in ["", "12", "zz", &OLD[1..]] {
            let error = Keyring::parse(wrong).err().unwrap().to_string();
            assert!(wrong.is_empty() || !error.contains(&format!("'{wrong}'")));
        }
        assert_eq!(Keyring::parse(&format!("{OLD},").repeat(5)).err(), Some(KeyringError::Count));
    }
}
