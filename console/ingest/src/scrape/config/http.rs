//! How requests are made: who asks, redirects, TLS; and the servers that list targets.

use std::time::Duration;

use url::{Host, Url};

use super::{
    Auth, Credential, HttpConfig, HttpDiscovery, Secret, TlsConfig, TlsVersion,
    build::Section,
    raw::{RawAuthorization, RawBasicAuth, RawHttpDiscovery, RawJob, RawKubernetes, RawTls},
    yaml::Spanned,
};

/// Of a server that lists targets.
const DEFAULT_REFRESH: Duration = Duration::from_mins(1);

type Text<'a> = Option<&'a Spanned<String>>;

/// The fields of a section that makes requests.
pub(super) struct RawHttp<'a> {
    follow_redirects: Option<bool>,
    enable_http2: Option<bool>,
    basic_auth: Option<&'a Spanned<RawBasicAuth>>,
    authorization: Option<&'a Spanned<RawAuthorization>>,
    bearer_token: Text<'a>,
    bearer_token_file: Text<'a>,
    tls_config: Option<&'a Spanned<RawTls>>,
}

macro_rules! http {
    ($name:ident) => {
        impl<'a> From<&'a $name> for RawHttp<'a> {
            fn from(raw: &'a $name) -> Self {
                Self {
                    follow_redirects: raw.follow_redirects,
                    enable_http2: raw.enable_http2,
                    basic_auth: raw.basic_auth.as_ref(),
                    authorization: raw.authorization.as_ref(),
                    bearer_token: raw.bearer_token.as_ref(),
                    bearer_token_file: raw.bearer_token_file.as_ref(),
                    tls_config: raw.tls_config.as_ref(),
                }
            }
        }
    };
}
http!(RawJob);
http!(RawHttpDiscovery);
http!(RawKubernetes);

impl Section<'_> {
    pub(super) fn http<'a>(&mut self, raw: impl Into<RawHttp<'a>>) -> HttpConfig {
        let raw = raw.into();
        HttpConfig {
            follow_redirects: raw.follow_redirects.unwrap_or(true),
            enable_http2: raw.enable_http2.unwrap_or(true),
            auth: self.auth(&raw),
            tls: raw.tls_config.map_or_else(TlsConfig::default, |tls| {
                self.at("tls_config", tls.referenced.line()).tls(&tls.value)
            }),
        }
    }

    pub(super) fn http_discovery(&mut self, index: usize, raw: &Spanned<RawHttpDiscovery>) -> HttpDiscovery {
        let mut section = self.at(&format!("http_sd_configs[{index}]"), raw.referenced.line());
        let raw = &raw.value;
        section.refuse(raw.unsupported());
        if raw.url.is_none() {
            section.add("url", "is missing");
        }
        let url = section.read("url", raw.url.as_ref(), http_url);
        let refresh = section.duration("refresh_interval", raw.refresh_interval.as_ref());
        HttpDiscovery {
            url: url.unwrap_or_else(|| Url::parse("http://localhost/").expect("it is a URL")),
            refresh: refresh.unwrap_or(DEFAULT_REFRESH),
            http: section.http(raw),
        }
    }

    fn tls(mut self, raw: &RawTls) -> TlsConfig {
        self.refuse(raw.unsupported());
        let ca = self.credential("ca", raw.ca.as_ref(), raw.ca_file.as_ref());
        let cert = self.credential("cert", raw.cert.as_ref(), raw.cert_file.as_ref());
        let key = self.credential("key", raw.key.as_ref(), raw.key_file.as_ref());
        match (&cert, &key) {
            (Some(_), None) => self.add("cert", "needs a key (key or key_file)"),
            (None, Some(_)) => self.add("key", "needs a certificate (cert or cert_file)"),
            _ => {}
        }
        let server_name =
            self.read("server_name", raw.server_name.as_ref(), |text| match Host::parse(text) {
                Ok(Host::Domain(name)) => Ok(Some(name)),
                _ if text.is_empty() => Ok(None),
                _ => Err(format!("{text:?} must be the name of a host (an address is not supported)")),
            });
        let min_version = self.read("min_version", raw.min_version.as_ref(), TlsVersion::parse);
        let max_version = self.read("max_version", raw.max_version.as_ref(), TlsVersion::parse);
        if (min_version, max_version) == (Some(TlsVersion::Tls13), Some(TlsVersion::Tls12)) {
            self.add("max_version", "is below min_version");
        }
        TlsConfig {
            ca,
            cert,
            key,
            server_name: server_name.flatten(),
            insecure_skip_verify: raw.insecure_skip_verify.unwrap_or(false),
            min_version,
            max_version,
        }
    }

    fn auth(&mut self, raw: &RawHttp<'_>) -> Auth {
        let mut all = Vec::new();
        if let Some(basic) = raw.basic_auth {
            all.push(self.at("basic_auth", basic.referenced.line()).basic(&basic.value));
        }
        if let Some(header) = raw.authorization {
            all.push(self.at("authorization", header.referenced.line()).header(&header.value));
        }
        let value = raw.bearer_token.map(|token| Credential::Value(Secret::new(&*token.value)));
        let file = raw.bearer_token_file.map(|file| Credential::File(self.folder.join(&file.value)));
        for credentials in value.into_iter().chain(file) {
            all.push(Auth::Header { scheme: "Bearer".to_owned(), credentials });
        }
        if all.len() > 1 {
            let message =
                "at most one of basic_auth, authorization, bearer_token and bearer_token_file may be there";
            self.add("", message);
        }
        all.pop().unwrap_or_default()
    }

    fn basic(mut self, raw: &RawBasicAuth) -> Auth {
        self.refuse(raw.unsupported());
        let username = self.credential("username", raw.username.as_ref(), raw.username_file.as_ref());
        let password = self.credential("password", raw.password.as_ref(), raw.password_file.as_ref());
        let empty = || Credential::Value(Secret::new(""));
        Auth::Basic { username: username.unwrap_or_else(empty), password: password.unwrap_or_else(empty) }
    }

    fn header(mut self, raw: &RawAuthorization) -> Auth {
        self.refuse(raw.unsupported());
        let scheme = raw.r#type.as_ref().map_or("Bearer", |t| t.value.trim()).to_owned();
        if scheme.eq_ignore_ascii_case("basic") {
            self.add("type", "must not be basic: use basic_auth");
        } else if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_graphic()) {
            self.add("type", "must be the name of a scheme, such as Bearer");
        }
        let credentials =
            self.credential("credentials", raw.credentials.as_ref(), raw.credentials_file.as_ref());
        if credentials.is_none() {
            self.add("credentials", "is missing");
        }
        let credentials = credentials.unwrap_or_else(|| Credential::Value(Secret::new("")));
        Auth::Header { scheme, credentials }
    }

    fn credential(
        &mut self,
        field: &str,
        value: Option<&Spanned<String>>,
        file: Option<&Spanned<String>>,
    ) -> Option<Credential> {
        match (value, file) {
            (Some(_), Some(file)) => {
                let message = format!("cannot be there beside {field}");
                self.add_at(file.referenced.line(), &format!("{field}_file"), message);
                None
            }
            (Some(value), None) => Some(Credential::Value(Secret::new(&*value.value))),
            (None, Some(file)) => Some(Credential::File(self.folder.join(&file.value))),
            (None, None) => None,
        }
    }
}

pub(super) fn http_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(url) => Err(format!("must be of scheme http or https, not {}", url.scheme())),
        Err(e) => Err(format!("{text:?}: {e}")),
    }
}

impl TlsVersion {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "TLS12",
            Self::Tls13 => "TLS13",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "TLS12" => Ok(Self::Tls12),
            "TLS13" => Ok(Self::Tls13),
            "TLS10" | "TLS11" => Err(format!("{text} is not supported: the console speaks TLS12 and TLS13")),
            _ => Err(format!("{text:?} must be TLS12 or TLS13")),
        }
    }
}
