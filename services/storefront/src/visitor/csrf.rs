//! The token that a visitor's forms carry: a signature over what the visitor is known by, the session or the cart.
//!
//! It is masked with fresh random bytes on every page, so that a compressed page does not tell it to somebody who can
//! make the visitor load pages and counts their bytes.

use shop_contracts::OrderId;
use shop_instrumentation::ids::random_bytes;

use crate::keyring::{Keyring, SIGNATURE_BYTES};

/// What a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding(String);

impl Binding {
    /// A session, by its token.
    pub fn session(token: &str) -> Self {
        Self(format!("session {token}"))
    }

    /// A session of the staff, by its token.
    pub fn staff(token: &str) -> Self {
        Self(format!("staff {token}"))
    }

    /// A cart, by its id.
    pub fn cart(id: crate::cart::CartId) -> Self {
        Self(format!("cart {id}"))
    }
}

impl From<OrderId> for Binding {
    fn from(order: OrderId) -> Self {
        Self(format!("order {order}"))
    }
}

/// A token for this binding, 64 hexadecimal digits, another one each time.
pub fn token(keys: &Keyring, binding: &Binding) -> String {
    let mask = random_bytes::<SIGNATURE_BYTES>();
    let mut masked = keys.sign(binding.0.as_bytes());
    masked.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    hex::encode(mask) + &hex::encode(masked)
}

/// Whether `token` was made for one of these bindings.
pub fn is_valid(keys: &Keyring, token: &str, bindings: &[Binding]) -> bool {
    let Ok(bytes) = hex::decode(token) else { return false };
    let Ok(bytes) = <[u8; 2 * SIGNATURE_BYTES]>::try_from(bytes) else { return false };
    let mut signature = [0; SIGNATURE_BYTES];
    for (at, byte) in signature.iter_mut().enumerate() {
        *byte = bytes[at] ^ bytes[SIGNATURE_BYTES + at];
    }
    bindings.iter().any(|binding| keys.verify(binding.0.as_bytes(), &signature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cart::CartId;

    #[test]
    fn token_is_good_for_its_own_visitor_only_and_never_the_same() {
        let keys = Keyring::parse(&"cd".repeat(32)).unwrap();
        let (mine, other) = (Binding::cart(CartId([1; 16])), Binding::session("t"));
        let made = token(&keys, &mine);
        assert!(is_valid(&keys, &made, &[other.clone(), mine.clone()]));
        assert!(!is_valid(&keys, &made, &[other]) && !is_valid(&keys, &made, &[]));
        assert_ne!(made, token(&keys, &mine));
        for wrong in ["", "00", "zz", &made[1..], &"0".repeat(64)] {
            assert!(!is_valid(&keys, wrong, std::slice::from_ref(&mine)), "{wrong}");
        }
    }
}
