//! The token that a visitor's forms carry: a signature over what the visitor is known by, the session or the cart.
//!
//! It is masked with fresh random bytes on every page, so that a compressed page does not tell it to somebody who can
//! make the visitor load pages and counts their bytes.

use shop_contracts::OrderId;
use shop_instrumentation::ids::random_bytes;

use crate::keyring::{Keyring, SIGNATURE_BYTES};

/// Between two tokens of a form.
const BETWEEN: &str = ".";
/// Tokens of a form at most: of the session and of the cart.
pub const MOST_TOKENS: usize = 2;

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

/// A token for each of these, for a form that is good as long as one of them is: 64 hexadecimal digits each.
pub fn tokens(keys: &Keyring, bindings: &[Binding]) -> String {
    bindings.iter().map(|binding| token(keys, binding)).collect::<Vec<_>>().join(BETWEEN)
}

/// Whether one of a form's tokens was made for one of these bindings.
pub fn is_valid(keys: &Keyring, tokens: &str, bindings: &[Binding]) -> bool {
    tokens.split(BETWEEN).take(MOST_TOKENS).any(|token| is_one(keys, token, bindings))
}

fn is_one(keys: &Keyring, token: &str, bindings: &[Binding]) -> bool {
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
        assert!(!is_valid(&keys, &made, std::slice::from_ref(&other)) && !is_valid(&keys, &made, &[]));
        assert_ne!(made, token(&keys, &mine));
        let both = tokens(&keys, &[other.clone(), mine.clone()]);
        for left in [&mine, &other] {
            assert!(is_valid(&keys, &both, std::slice::from_ref(left)), "one of them is enough");
        }
        assert!(!is_valid(&keys, &both, &[Binding::staff("t")]));
        let beyond = format!("..{both}");
        assert!(!is_valid(&keys, &beyond, std::slice::from_ref(&mine)), "two are looked at");
        for wrong in ["", ".", "00", "zz", &made[1..], &"0".repeat(64)] {
            assert!(!is_valid(&keys, wrong, std::slice::from_ref(&mine)), "{wrong}");
        }
    }
}
