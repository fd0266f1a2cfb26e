//! Password hashes: argon2id with the crate's recommended cost (19 MiB, two passes, OWASP's first choice).

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};

use crate::StateError;

/// The hash as a PHC string.
pub fn hash(password: &str) -> Result<String, StateError> {
    let salt: [u8; 16] = rand::random();
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|e| StateError::Hash(e.to_string()))?;
    Ok(hash.to_string())
}

/// Whether the password belongs to the hash. A hash that cannot be read belongs to no password.
pub fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::{hash, verify};

    #[test]
    fn only_the_right_password_belongs_to_a_hash() {
        let kept = hash("correct horse").unwrap();
        assert!(kept.starts_with("$argon2id$"));
        assert!(verify("correct horse", &kept));
        assert!(!verify("correct hors", &kept));
        assert!(!verify("correct horse", "not a hash"));
        assert_ne!(hash("correct horse").unwrap(), kept, "each hash has its own salt");
    }
}
