//! Hashing passwords: argon2id with the crate's recommended cost (19 MiB, two passes: OWASP's first choice), on
//! blocking threads, few at a time.
//!
//! The bound is memory as much as time: a burst of log-ins must not push the process over its limit. Whoever would have
//! to wait behind too many others is refused at once and told to come back.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use shop_instrumentation::{Code, Problem, ids};
use tokio::sync::Semaphore;

use crate::credentials::Password;

/// Hashes that may wait for each one that is being worked on.
const WAITING_PER_SLOT: usize = 16;

/// Hashes and compares. Clones share the bound.
#[derive(Clone)]
pub struct Passwords {
    slots: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    /// Compared against when there is no account, so that the answer takes as long.
    stand_in: Arc<str>,
}

/// Why nothing was hashed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many are waiting already.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The library refused.
    #[error("password cannot be hashed: {0}")]
    Hash(String),
    /// The thread died.
    #[error("password hashing was cut short")]
    Cut(#[source] tokio::task::JoinError),
}

impl Passwords {
    /// A hasher that works on `at_once` passwords at the same time.
    pub fn new(at_once: usize) -> Result<Self, PasswordError> {
        let slots = Arc::new(Semaphore::new(at_once));
        let admitted = Arc::new(Semaphore::new(at_once * (1 + WAITING_PER_SLOT)));
        let nobody_knows_it = hex::encode(ids::random_bytes::<32>());
        Ok(Self { slots, admitted, stand_in: hash(&nobody_knows_it)?.into() })
    }

    /// The hash as a PHC string.
    pub async fn hash(&self, password: &Password) -> Result<String, PasswordError> {
        let password = password.clone();
        self.work(move || hash(password.expose())).await?
    }

    /// Whether the password belongs to the hash. Without a hash the answer is no, after the same work.
    pub async fn verify(&self, password: &Password, known: Option<&str>) -> Result<bool, PasswordError> {
        let (password, exists) = (password.clone(), known.is_some());
        let against = known.unwrap_or(&self.stand_in).to_owned();
        let same = self.work(move || verify(password.expose(), &against)).await?;
        Ok(same && exists)
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        // The places go with the thread: a caller who leaves does not make room before the work is over.
        let job = move || {
            let _places = (admitted, slot);
            job()
        };
        tokio::task::spawn_blocking(job).await.map_err(PasswordError::Cut)
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => {
                tracing::warn!("password hashing is saturated");
                Self::new(Code::Unavailable, "too many are logging in").retry_after(1)
            }
            error => Self::internal(&error),
        }
    }
}

fn hash(password: &str) -> Result<String, PasswordError> {
    let salt = ids::random_bytes::<16>();
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| PasswordError::Hash(error.to_string()))?;
    Ok(hash.to_string())
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_belongs_to_a_hash() {
        let passwords = Passwords::new(2).unwrap();
        let kept = passwords.hash(&password("correct horse")).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(passwords.verify(&password("correct horse"), Some(&kept)).await.unwrap());
        assert!(!passwords.verify(&password("correct hors"), Some(&kept)).await.unwrap());
        assert!(!passwords.verify(&password("correct horse"), None).await.unwrap());
    }

    #[tokio::test]
    async fn missing_account_takes_as_long_as_a_wrong_password() {
        let passwords = Passwords::new(1).unwrap();
        let kept = passwords.hash(&password("correct horse")).await.unwrap();
        let mut best = [Duration::MAX; 2];
        for _ in 0..5 {
            for (best, known) in best.iter_mut().zip([Some(kept.as_str()), None]) {
                let started = Instant::now();
                assert!(!passwords.verify(&password("wrong"), known).await.unwrap());
                *best = started.elapsed().min(*best);
            }
        }
        assert!(best[1] * 2 > best[0] && best[0] * 2 > best[1], "{best:?}");
    }

    #[tokio::test]
    async fn a_burst_is_bounded_and_the_rest_is_refused_at_once() {
        let passwords = Passwords::new(1).unwrap();
        let wrong = password("wrong");
        let tries = (0..40).map(|_| passwords.verify(&wrong, None));
        let answers = futures::future::join_all(tries).await;
        let refused = answers.iter().filter(|a| matches!(a, Err(PasswordError::Busy))).count();
        assert_eq!(refused, 40 - (1 + WAITING_PER_SLOT));
        assert!(passwords.verify(&wrong, None).await.is_ok(), "and there is room again afterwards");
    }
}
