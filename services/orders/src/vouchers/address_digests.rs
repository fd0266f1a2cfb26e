//! What a voucher remembers of an address when its order names nobody any more.
//!
//! What must always hold: without the key nobody can try addresses against what is stored, and digests of one address
//! for two vouchers are not seen to be of one address.

use std::sync::Arc;

use shop_instrumentation::keys::{DIGEST_BYTES, DigestKeys, MasterKeys};
use uuid::Uuid;

/// Keyed digests of addresses, each for one voucher.
#[derive(Clone)]
pub struct AddressDigests(Arc<DigestKeys>);

impl AddressDigests {
    pub fn new(masters: &MasterKeys) -> Self {
        Self(Arc::new(DigestKeys::new(masters, "orders voucher addresses 1")))
    }

    /// The digest that is kept.
    pub fn digest(&self, voucher: Uuid, email: &str) -> [u8; DIGEST_BYTES] {
        self.0.digest(&message(voucher, email))
    }

    /// The digests that may have been kept, under keys of today and of before.
    pub fn digests(&self, voucher: Uuid, email: &str) -> Vec<Vec<u8>> {
        self.0.digests(&message(voucher, email)).iter().map(|digest| digest.to_vec()).collect()
    }
}

/// Addresses that differ in capitals only are one, as they are where orders are counted by address.
fn message(voucher: Uuid, email: &str) -> Vec<u8> {
    let mut message = voucher.as_bytes().to_vec();
    message.extend_from_slice(email.to_lowercase().as_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_one_address_in_any_capitals_and_one_voucher() {
        let digests = AddressDigests::new(&MasterKeys::parse(&"5a".repeat(32)).unwrap());
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let kim = digests.digest(one, "kim@example.com");
        assert_eq!(digests.digest(one, "KIM@Example.com"), kim);
        assert_ne!(digests.digest(one, "kim1@example.com"), kim);
        assert_ne!(digests.digest(other, "kim@example.com"), kim);
        assert_eq!(digests.digests(one, "kim@example.com"), [kim.to_vec()]);
    }
}
