//! Whether a form was sent by a page of this shop, as far as the browser says so.
//!
//! Every browser of today sends `Sec-Fetch-Site` to secure addresses and `Origin` with every POST; neither can be set by a
//! page of another site. `Origin` is compared with the address that the browser asked for (`Host`).

use axum::http::{HeaderMap, header};

/// What the browser says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// One of our own pages sent it, or the person at the browser.
    Ours,
    /// Another site did.
    Foreign,
    /// It does not say.
    Untold,
}

/// Who sent the request with these headers.
pub fn origin_of(headers: &HeaderMap) -> Origin {
    if let Some(site) = headers.get("sec-fetch-site") {
        return match site.as_bytes() {
            b"same-origin" | b"none" => Origin::Ours,
            _ => Origin::Foreign,
        };
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Origin::Untold };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match (authority, host) {
        (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host) => Origin::Ours,
        _ => Origin::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &'static str)]) -> Origin {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        origin_of(&headers)
    }

    #[test]
    fn only_the_same_origin_is_ours() {
        assert_eq!(of(&[("sec-fetch-site", "same-origin")]), Origin::Ours);
        for site in ["cross-site", "same-site", "nonsense"] {
            assert_eq!(of(&[("sec-fetch-site", site)]), Origin::Foreign, "{site}");
        }
    }

    #[test]
    fn older_browsers_are_told_by_the_origin() {
        let host = ("host", "shop.example:8080");
        assert_eq!(of(&[host, ("origin", "http://shop.example:8080")]), Origin::Ours);
        for origin in ["http://evil.example", "http://shop.example", "null", "shop.example:8080"] {
            assert_eq!(of(&[host, ("origin", origin)]), Origin::Foreign, "{origin}");
        }
        assert_eq!(of(&[("origin", "http://shop.example")]), Origin::Foreign);
        assert_eq!(of(&[host]), Origin::Untold);
    }
}
