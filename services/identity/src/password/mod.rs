//! Hashing passwords: argon2id on blocking threads, few at a time.
//!
//! The bound is memory as much as time: a burst of log-ins must not push the process over its limit. Whoever would have
//! to wait behind too many others is refused at once and told to come back.

mod argon2id;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shop_instrumentation::{Code, Problem};
use tokio::sync::Semaphore;

use self::argon2id::Argon2id;
use crate::credentials::Password;

/// Hashes that may wait for each one that is being worked on.
const WAITING_PER_SLOT: usize = 16;

/// Hashes and compares. Clones share the bound.
#[derive(Clone)]
pub struct Passwords {
    argon2id: Argon2id,
    slots: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    /// Compared against when there is no account, so that the answer takes as long.
    stand_in: Arc<str>,
    worked_on: Arc<AtomicU64>,
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
        let stand_in = argon2id::nobodys().map_err(PasswordError::Hash)?.into();
        Ok(Self { argon2id: Argon2id::default(), slots, admitted, stand_in, worked_on: Arc::default() })
    }

    /// The hash as a PHC string.
    pub async fn hash(&self, password: &Password) -> Result<String, PasswordError> {
        let (argon2id, password) = (self.argon2id.clone(), password.clone());
        self.work(move || argon2id.hash(password.expose())).await?.map_err(PasswordError::Hash)
    }

    /// Whether the password belongs to the hash. Without a hash the answer is no, after the same work.
    pub async fn verify(&self, password: &Password, known: Option<&str>) -> Result<bool, PasswordError> {
        let (argon2id, password, exists) = (self.argon2id.clone(), password.clone(), known.is_some());
        let against = known.unwrap_or(&self.stand_in).to_owned();
        let same = self.work(move || argon2id.verify(password.expose(), &against)).await?;
        Ok(same && exists)
    }

    /// Passwords hashed or compared so far: the measure of the time that an answer takes.
    pub fn worked_on(&self) -> u64 {
        self.worked_on.load(Ordering::Relaxed)
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        self.worked_on.fetch_add(1, Ordering::Relaxed);
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
                Self::new(Code::RateLimited, "too many passwords are being checked").retry_after(1)
            }
            error => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
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
    async fn a_burst_is_bounded_and_the_rest_is_refused_at_once() {
        let passwords = Passwords::new(1).unwrap();
        let wrong = password("wrong");
        let tries = (0..40).map(|_| passwords.verify(&wrong, None));
        let answers = futures::future::join_all(tries).await;
        let refused = answers.iter().filter(|a| matches!(a, Err(PasswordError::Busy))).count();
        assert_eq!(refused, 40 - (1 + WAITING_PER_SLOT));
        assert!(passwords.verify(&wrong, None).await.is_ok(), "and there is room again afterwards");
    }

    /// "Unavailable" would speak of the service, and callers would stop calling: session checks need no hash.
    #[test]
    fn a_full_queue_is_too_many_requests_and_no_outage() {
        let problem = Problem::from(PasswordError::Busy);
        assert_eq!((problem.code(), problem.status().as_u16()), (Code::RateLimited, 429));
    }
}
