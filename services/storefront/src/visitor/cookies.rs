//! Cookies: sealed, HttpOnly, SameSite, and with the `__Host-` prefix where the shop is served over https, so that no
//! neighbouring host can plant one.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::keyring::Keyring;

/// A cookie of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What is in the cart.
    Cart,
    /// Who is logged in.
    Session,
    /// Orders that the visitor placed or looked up as a guest.
    Orders,
    /// What was typed at the checkout and has not become an order.
    Checkout,
    /// Which member of the staff is logged in.
    Staff,
}

/// Reads and writes the shop's cookies.
pub struct Cookies {
    keys: Keyring,
    secure: bool,
}

impl Kind {
    fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Cart, true) => "__Host-cart",
            (Self::Cart, false) => "cart",
            (Self::Session, true) => "__Host-session",
            (Self::Session, false) => "session",
            (Self::Orders, true) => "__Host-orders",
            (Self::Orders, false) => "orders",
            (Self::Checkout, true) => "__Host-checkout",
            (Self::Checkout, false) => "checkout",
            (Self::Staff, true) => "__Host-staff",
            (Self::Staff, false) => "staff",
        }
    }

    const fn purpose(self) -> &'static str {
        match self {
            Self::Cart => "cart",
            Self::Session => "session",
            Self::Orders => "orders",
            Self::Checkout => "checkout",
            Self::Staff => "staff",
        }
    }

    /// Links from elsewhere lead shoppers to their cart, but nobody into the back office.
    const fn same_site(self) -> &'static str {
        match self {
            Self::Cart | Self::Session | Self::Orders | Self::Checkout => "Lax",
            Self::Staff => "Strict",
        }
    }
}

impl Cookies {
    /// Cookies sealed with these keys; `secure` when browsers reach the shop over https.
    pub fn new(keys: Keyring, secure: bool) -> Self {
        Self { keys, secure }
    }

    /// The keys.
    pub fn keys(&self) -> &Keyring {
        &self.keys
    }

    /// What the visitor's cookie holds; anything that we did not seal is as good as none.
    pub fn read(&self, headers: &HeaderMap, kind: Kind) -> Option<Vec<u8>> {
        let name = kind.name(self.secure);
        headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).find_map(|line| {
            line.split(';').map(str::trim).find_map(|pair| {
                let sealed = pair.strip_prefix(name)?.strip_prefix('=')?;
                self.keys.open(kind.purpose(), sealed)
            })
        })
    }

    /// Gives the visitor a cookie for so many seconds.
    pub fn set(&self, response: &mut Response, kind: Kind, plain: &[u8], seconds: u64) {
        let sealed = self.keys.seal(kind.purpose(), plain);
        self.write(response, kind, &sealed, seconds);
    }

    /// Takes the cookie away.
    pub fn remove(&self, response: &mut Response, kind: Kind) {
        self.write(response, kind, "", 0);
    }

    fn write(&self, response: &mut Response, kind: Kind, value: &str, seconds: u64) {
        let (name, secure) = (kind.name(self.secure), if self.secure { "; Secure" } else { "" });
        let same_site = kind.same_site();
        let text =
            format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}; Max-Age={seconds}");
        if let Ok(header) = HeaderValue::try_from(text) {
            response.headers_mut().append(SET_COOKIE, header);
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    fn cookies(secure: bool) -> Cookies {
        Cookies::new(Keyring::parse(&"ab".repeat(32)).unwrap(), secure)
    }

    fn sent(cookies: &Cookies, kind: Kind, plain: &[u8]) -> String {
        let mut response = ().into_response();
        cookies.set(&mut response, kind, plain, 60);
        response.headers()[SET_COOKIE].to_str().unwrap().to_owned()
    }

    #[test]
    fn cookies_come_back_under_their_own_name_only() {
        let cookies = cookies(true);
        let header = sent(&cookies, Kind::Cart, b"lamp");
        assert!(header.starts_with("__Host-cart=") && header.contains("; Secure; Max-Age=60"), "{header}");
        let pair = header.split(';').next().unwrap().to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::try_from(format!("cart=x; a=b; {pair}")).unwrap());
        assert_eq!(cookies.read(&headers, Kind::Cart).as_deref(), Some(b"lamp".as_slice()));
        headers.insert(COOKIE, HeaderValue::try_from(pair.replace("cart", "session")).unwrap());
        assert_eq!(cookies.read(&headers, Kind::Session), None, "sealed for another purpose");
    }

    #[test]
    fn without_https_names_are_plain() {
        let header = sent(&cookies(false), Kind::Session, b"kim");
        assert!(header.starts_with("session=") && !header.contains("Secure"), "{header}");
    }
}
