//! Under which address browsers reach the shop. It is configured: what a request says about its host is not believed,
//! for a page that is kept at the edge would tell it to everybody.

use std::sync::Arc;

use axum::http::Uri;
use shop_instrumentation::config::Env;

const LONGEST: usize = 200;

/// `PUBLIC_URL`: scheme and host, and the port if it is not the scheme's own; nothing when it is not configured.
#[derive(Debug, Clone, Default)]
pub struct PublicUrl(Option<Arc<str>>);

impl PublicUrl {
    /// Reads `PUBLIC_URL`, such as `https://shop.example.com`.
    pub fn from_env(env: &mut Env) -> Self {
        let Some(text) = env.maybe::<String>("PUBLIC_URL") else { return Self::default() };
        let url = Self::parse(&text);
        if url.is_none() {
            env.note(format!(
                "PUBLIC_URL must be http:// or https:// and a host, without a path, at most {LONGEST} bytes"
            ));
        }
        url.unwrap_or_default()
    }

    /// The address in this text, with or without a slash at its end.
    pub fn parse(text: &str) -> Option<Self> {
        let origin = text.strip_suffix('/').unwrap_or(text);
        let uri: Uri = origin.parse().ok()?;
        let authority = uri.authority()?;
        let fine = matches!(uri.scheme_str(), Some("http" | "https"))
            && origin.len() <= LONGEST
            && !authority.host().is_empty()
            && !authority.as_str().contains('@')
            && origin.len() == uri.scheme_str()?.len() + "://".len() + authority.as_str().len();
        fine.then(|| Self(Some(Arc::from(origin))))
    }

    /// Whether browsers come over https.
    pub fn is_secure(&self) -> bool {
        self.0.as_deref().is_some_and(|origin| origin.starts_with("https://"))
    }

    /// The whole address of a path of the shop, when the shop knows its own.
    pub fn address(&self, path: &str) -> Option<String> {
        self.0.as_deref().map(|origin| format!("{origin}{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scheme_host_and_port_are_an_address() {
        for (text, path, expected) in [
            ("https://shop.example.com/", "/p/lamp", "https://shop.example.com/p/lamp"),
            ("http://127.0.0.1:8080", "/", "http://127.0.0.1:8080/"),
            ("http://[::1]:8080", "", "http://[::1]:8080"),
        ] {
            assert_eq!(PublicUrl::parse(text).unwrap().address(path).as_deref(), Some(expected));
        }
        for wrong in [
            "",
            "shop.example.com",
            "ftp://shop.example.com",
            "https://shop.example.com/shop",
            "https://shop.example.com?x",
            "https://kim@shop.example.com",
            "https://",
            &format!("https://{}.example", "a".repeat(200)),
        ] {
            assert!(PublicUrl::parse(wrong).is_none(), "{wrong}");
        }
        assert!(PublicUrl::parse("https://a.example").unwrap().is_secure());
        assert_eq!(PublicUrl::default().address("/"), None);
    }

    #[test]
    fn a_malformed_address_is_a_configuration_error_and_none_is_not() {
        let mut env = Env::from_pairs([("PUBLIC_URL", "shop.example.com/shop")]);
        PublicUrl::from_env(&mut env);
        assert!(env.finish().unwrap_err().to_string().contains("PUBLIC_URL"));
        let mut env = Env::from_pairs([("A", "b")]);
        PublicUrl::from_env(&mut env);
        env.finish().unwrap();
    }
}
