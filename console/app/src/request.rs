//! What a page knows of the request that asked for it.

use leptos::prelude::*;

use crate::{backends::Backends, range::PageRange};

/// Who is logged in. The server puts it into the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub username: String,
    /// Goes into every form that acts.
    pub csrf: String,
}

/// Light, dark, or as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// The value of `data-theme` on the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// From the cookie `qd-theme`.
    pub fn from_headers(headers: &http::HeaderMap) -> Self {
        match cookie(headers, "qd-theme") {
            Some("dark") => Self::Dark,
            Some("light") => Self::Light,
            _ => Self::System,
        }
    }
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a http::HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(http::header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
    let mut pairs = cookies.flat_map(|c| c.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(n, _)| *n == name).map(|(_, value)| value)
}

/// One request for a page: sources, viewer, query and time range.
#[derive(Clone)]
pub struct PageRequest {
    pub backends: Backends,
    pub viewer: Viewer,
    pub theme: Theme,
    /// Path with its leading slash, without query.
    pub path: String,
    /// Decoded pairs in order of appearance.
    pub query: Vec<(String, String)>,
    pub now_ms: i64,
    pub range: PageRange,
}

impl PageRequest {
    /// Of the request that is being answered. Panics outside of one: pages are only rendered for requests.
    pub fn current() -> Self {
        let backends = expect_context::<Backends>();
        let parts = expect_context::<http::request::Parts>();
        let viewer = parts
            .extensions
            .get::<Viewer>()
            .cloned()
            .unwrap_or_else(|| Viewer { username: String::new(), csrf: String::new() });
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let now_ms = (backends.clock)();
        let range = PageRange::from_query(&query, now_ms);
        let theme = Theme::from_headers(&parts.headers);
        Self { backends, viewer, theme, path: parts.uri.path().to_owned(), query, now_ms, range }
    }

    /// The first value of a query parameter, trimmed; none when absent or blank.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.trim()).filter(|v| !v.is_empty())
    }

    /// `path` with `pairs` and the page's time range, so that the range follows from page to page.
    pub fn link(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs.iter().filter(|(_, v)| !v.is_empty()) {
            out.append_pair(name, value);
        }
        for (name, value) in self.range.pairs() {
            out.append_pair(name, &value);
        }
        let query = out.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// This page with all of its query.
    pub fn link_here(&self) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        out.extend_pairs(&self.query);
        let query = out.finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }

    /// Answers with this status instead of 200.
    pub fn set_status(status: http::StatusCode) {
        if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
            response.set_status(status);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn theme_is_read_among_other_cookies() {
        let headers = http::HeaderMap::from_iter([(
            http::header::COOKIE,
            http::HeaderValue::from_static("a=b; qd-theme=dark; c=d"),
        )]);
        assert_eq!(Theme::from_headers(&headers), Theme::Dark);
        assert_eq!(Theme::from_headers(&http::HeaderMap::new()), Theme::System);
    }
}
