//! The one place that mints ids and random secrets.

use rand::TryRngCore as _;
use rand::rngs::OsRng;
use uuid::Uuid;

/// A new UUIDv7: sortable by creation time, unique without coordination.
#[expect(clippy::disallowed_methods, reason = "the one place that mints ids")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// `N` bytes from the operating system's generator, for tokens and salts.
///
/// # Panics
/// When the operating system cannot give random bytes: there is no safe way to go on.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).expect("the operating system's random generator always answers");
    bytes
}

/// A number from 0 to below 1, quickly: for drawing samples, never for secrets.
pub fn random_share() -> f64 {
    rand::random()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_creation() {
        let ids: Vec<_> = (0..100).map(|_| new_id()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random_bytes::<32>(), random_bytes::<32>());
    }
}
