//! Secret keys that are rotated by a list, and digests under them.
//!
//! One master key a generation: the first makes what is new, all of them know what was made before. So a key is rotated
//! by putting a new one behind the others until every instance knows it, then in front, and dropped when nothing that it
//! made is needed any more. Nobody uses a master itself: each purpose has keys of its own, derived by HMAC-SHA-256 of the
//! purpose's label under the master.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};

use crate::config::Env;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a digest.
pub const DIGEST_BYTES: usize = 32;
/// Generations that are kept at most.
const MOST_KEYS: usize = 4;

/// All generations of a secret key.
pub struct MasterKeys(Vec<[u8; KEY_BYTES]>);

/// What is wrong with a list of keys. Never says what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// There is none, or there are too many.
    #[error("1 to {MOST_KEYS} keys are needed, newest first")]
    Count,
    /// One is malformed.
    #[error("a key is {KEY_BYTES} bytes in hexadecimal digits")]
    Malformed,
}

impl MasterKeys {
    /// Reads `<name>_FILE` (one key a line) or `<name>` (comma-separated), newest key first. What is missing or wrong is
    /// noted.
    pub fn from_env(env: &mut Env, name: &str) -> Option<Self> {
        let file: Option<String> = env.maybe(&format!("{name}_FILE"));
        let inline = env.secret(name);
        let text = match (file, inline) {
            (Some(path), _) => match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(cause) => {
                    env.note(format!("{name}_FILE cannot be read: {cause}"));
                    return None;
                }
            },
            (None, Some(secret)) => secret.expose().to_owned(),
            (None, None) => {
                let what = format!("{KEY_BYTES} bytes in hexadecimal digits");
                env.require(&format!("{name}_FILE or {name}"), &what);
                return None;
            }
        };
        Self::parse(&text).map_err(|cause| env.note(format!("{name}: {cause}"))).ok()
    }

    /// Keys in hexadecimal digits, separated by commas or white space, newest first.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let parts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
        let key = |part: &str| {
            let mut key = [0; KEY_BYTES];
            hex::decode_to_slice(part, &mut key).map(|()| key).map_err(|_| KeysError::Malformed)
        };
        let keys = parts.map(key).collect::<Result<Vec<_>, _>>()?;
        if (1..=MOST_KEYS).contains(&keys.len()) { Ok(Self(keys)) } else { Err(KeysError::Count) }
    }

    /// A key of each generation for the purpose of this label, newest first.
    pub fn derived(&self, label: &str) -> Vec<[u8; KEY_BYTES]> {
        self.0.iter().map(|master| digest(&Key::new(HMAC_SHA256, master), label.as_bytes())).collect()
    }
}

/// Digests that nobody can compute who does not know the key (HMAC-SHA-256).
pub struct DigestKeys(Vec<Key>);

impl DigestKeys {
    /// For the purpose of this label.
    pub fn new(masters: &MasterKeys, label: &str) -> Self {
        Self(masters.derived(label).iter().map(|key| Key::new(HMAC_SHA256, key)).collect())
    }

    /// The digest under the newest key.
    pub fn digest(&self, data: &[u8]) -> [u8; DIGEST_BYTES] {
        digest(&self.0[0], data)
    }

    /// The digests under each key, newest first: what was made before a rotation is among them.
    pub fn digests(&self, data: &[u8]) -> Vec<[u8; DIGEST_BYTES]> {
        self.0.iter().map(|key| digest(key, data)).collect()
    }
}

fn digest(key: &Key, data: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut digest = [0; DIGEST_BYTES];
    digest.copy_from_slice(sign(key, data).as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    const NEW: &str = "2222222222222222222222222222222222222222222222222222222222222222";

    fn digests(keys: &str) -> DigestKeys {
        DigestKeys::new(&MasterKeys::parse(keys).unwrap(), "test 1")
    }

    /// Computed with `printf '%s' TEXT | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY`, for the label under the
    /// master, and for `kim` under that.
    #[test]
    fn a_digest_is_hmac_sha_256_under_a_derived_key() {
        let derived = MasterKeys::parse(OLD).unwrap().derived("test 1");
        assert_eq!(
            hex::encode(derived[0]),
            "054f0398585b846eb199ad740f05098941d21f274bc342a3e0df298d86e3676f"
        );
        assert_eq!(
            hex::encode(digests(OLD).digest(b"kim")),
            "555b2eebdcaf908e7d4e9d1c2744513dbca935363eabbb5e9eee3aad6b3410d1"
        );
    }

    #[test]
    fn older_generations_are_known_until_they_are_dropped() {
        let before = digests(OLD).digest(b"kim");
        let during = digests(&format!("{NEW}\n{OLD}\n"));
        assert_eq!(during.digests(b"kim"), [digests(NEW).digest(b"kim"), before]);
        assert_eq!(during.digest(b"kim"), during.digests(b"kim")[0], "the newest key makes what is new");
        assert!(!digests(NEW).digests(b"kim").contains(&before));
    }

    #[test]
    fn malformed_lists_are_refused_without_telling_them() {
        for wrong in ["12", "zz", &OLD[1..], &format!("{OLD}11"), &format!("{NEW},{}", &OLD[2..])] {
            let error = MasterKeys::parse(wrong).err().unwrap();
            assert_eq!(error, KeysError::Malformed);
            assert!(!error.to_string().contains(&format!("'{wrong}'")));
        }
        for count in [0, 5] {
            assert_eq!(MasterKeys::parse(&format!("{OLD},").repeat(count)).err(), Some(KeysError::Count));
        }
    }

    #[test]
    fn a_key_that_is_missing_short_or_not_to_be_read_is_noted() {
        for (variables, noted) in [
            (vec![], "SOME_KEY_FILE or SOME_KEY is required: 32 bytes in hexadecimal digits"),
            (vec![("SOME_KEY", "12ab")], "SOME_KEY: a key is 32 bytes in hexadecimal digits"),
            (vec![("SOME_KEY_FILE", "/nowhere/key")], "SOME_KEY_FILE cannot be read"),
        ] {
            let mut env = Env::from_pairs(variables);
            assert!(MasterKeys::from_env(&mut env, "SOME_KEY").is_none());
            let problems = env.finish().unwrap_err().to_string();
            assert!(problems.contains(noted) && !problems.contains("12ab"), "{problems}");
        }
    }
}
