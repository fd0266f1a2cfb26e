//! argon2id (RFC 9106) in PHC strings, in memory that is used again.
//!
//! A hash works on 19 MiB. Taken from the allocator on whatever thread the work lands, they would stay with each of
//! these threads; kept here, there are never more than hashes at the same time.

use std::sync::Arc;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use parking_lot::Mutex;
use shop_instrumentation::ids;

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = Params::DEFAULT_OUTPUT_LEN;

/// The algorithm with its memory. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Argon2id {
    idle: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Argon2id {
    /// Hashes with the crate's recommended cost (19 MiB, two passes: OWASP's first choice) and a salt of its own.
    pub(super) fn hash(&self, password: &str) -> Result<String, String> {
        let salt = ids::random_bytes::<SALT_BYTES>();
        let output = self.derive(&Argon2::default(), password, &salt).map_err(|e| e.to_string())?;
        phc(&salt, output)
    }

    /// Whether the password belongs to the hash, at the hash's own cost. What is no hash belongs to no password.
    pub(super) fn verify(&self, password: &str, hash: &str) -> bool {
        let Ok(known) = PasswordHash::new(hash) else { return false };
        let (Some(salt), Some(expected)) = (&known.salt, &known.hash) else { return false };
        let same_kind = known.algorithm == ARGON2ID_IDENT && known.version == Some(Version::V0x13.into());
        let Some(params) = Params::try_from(&known).ok().filter(|_| same_kind) else { return false };
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        // `Output` compares in constant time.
        self.derive(&argon2, password, salt).is_ok_and(|output| output == *expected)
    }

    fn derive(&self, argon2: &Argon2<'_>, password: &str, salt: &[u8]) -> Result<Output, argon2::Error> {
        let mut memory = self.idle.lock().pop().unwrap_or_default();
        memory.resize(argon2.params().block_count(), Block::new());
        let mut bytes = [0; OUTPUT_BYTES];
        let done = argon2.hash_password_into_with_memory(
            password.as_bytes(),
            salt,
            &mut bytes,
            memory.as_mut_slice(),
        );
        self.idle.lock().push(memory);
        done?;
        Output::new(&bytes).map_err(|_| argon2::Error::OutputTooLong)
    }
}

/// A hash that no password belongs to and that takes as long to find out as any other.
pub(super) fn nobodys() -> Result<String, String> {
    let output = Output::new(&ids::random_bytes::<OUTPUT_BYTES>()).map_err(|e| e.to_string())?;
    phc(&ids::random_bytes::<SALT_BYTES>(), output)
}

fn phc(salt: &[u8], output: Output) -> Result<String, String> {
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&Params::default()).map_err(|e| e.to_string())?,
        salt: Some(Salt::new(salt).map_err(|e| e.to_string())?),
        hash: Some(output),
    };
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher as _, PasswordVerifier as _};

    use super::*;

    #[test]
    fn hashes_are_what_the_library_itself_makes_and_takes() {
        let (ours, library) = (Argon2id::default(), Argon2::default());
        let hash = ours.hash("correct horse").unwrap();
        assert!(library.verify_password(b"correct horse", hash.as_str()).is_ok());
        let salt = [7; SALT_BYTES];
        let made: PasswordHash = library.hash_password_with_salt(b"correct horse", &salt).unwrap();
        assert!(ours.verify("correct horse", &made.to_string()));
        assert!(!ours.verify("correct hors", &made.to_string()));
    }

    #[test]
    fn memory_is_used_again_and_hashes_stay_right() {
        let argon2id = Argon2id::default();
        let hashes = ["one", "two", "three"].map(|password| argon2id.hash(password).unwrap());
        assert_eq!(argon2id.idle.lock().len(), 1);
        assert!(argon2id.verify("one", &hashes[0]) && argon2id.verify("three", &hashes[2]));
        assert!(!argon2id.verify("one", &hashes[1]));
        assert_eq!(argon2id.idle.lock().len(), 1);
    }

    /// Measuring time on a busy machine proves nothing; the work is what takes the time.
    #[test]
    fn nobodys_hash_costs_the_same_work_as_a_real_one() {
        let work_of = |hash: &str| {
            let argon2id = Argon2id::default();
            assert!(!argon2id.verify("a wrong password", hash));
            let idle = argon2id.idle.lock();
            (idle.len(), idle.iter().map(Vec::len).sum::<usize>())
        };
        let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        let (real, nobodys) = (Argon2id::default().hash("correct horse").unwrap(), nobodys().unwrap());
        assert_eq!((work_of(&nobodys), cost(&nobodys)), (work_of(&real), cost(&real)));
        assert_eq!(work_of(&nobodys), (1, 19 * 1024));
    }

    #[test]
    fn what_is_no_hash_or_of_another_kind_belongs_to_no_password() {
        let argon2id = Argon2id::default();
        let hash = argon2id.hash("correct horse").unwrap();
        let other_kinds = [
            String::new(),
            "nonsense".to_owned(),
            hash.replace("argon2id", "argon2i"),
            hash.replace("v=19", "v=16"),
            nobodys().unwrap(),
        ];
        for other in other_kinds {
            assert!(!argon2id.verify("correct horse", &other), "{other}");
        }
    }
}
