//! The connection to a target: redirects, HTTP version and TLS, as its job says.
//!
//! Files of keys and certificates are read for each request, as Prometheus does: a renewed one is used at once.

use std::{net::SocketAddr, time::Duration};

use http::header::HOST;
use reqwest::{
    Certificate, Client, ClientBuilder, Identity, RequestBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
    tls::Version,
};
use tokio::sync::Mutex;
use url::Url;

use super::chain;
use crate::scrape::{
    config::{Credential, HttpConfig, Secret, TlsVersion},
    error::ScrapeError,
};

const USER_AGENT: &str = concat!("Quarterdeck/", env!("CARGO_PKG_VERSION"));
const MAX_REDIRECTS: usize = 10;
const IDLE_CONNECTION: Duration = Duration::from_mins(5);

/// Makes requests over connections that are kept.
pub struct Connector {
    config: HttpConfig,
    /// The host that `server_name` stands for.
    host: String,
    client: Mutex<Option<(Material, Client)>>,
}

/// What files and configuration hold for TLS.
#[derive(PartialEq, Eq)]
struct Material {
    ca: Option<Secret>,
    cert: Option<Secret>,
    key: Option<Secret>,
}

impl Connector {
    /// For requests to `url`; where there is no `server_name`, for requests to any URL.
    pub fn new(config: HttpConfig, url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Self { config, host, client: Mutex::new(None) }
    }

    pub async fn get(&self, url: &Url) -> Result<RequestBuilder, ScrapeError> {
        let client = self.client().await?;
        let Some(name) = self.config.tls.server_name.as_deref().filter(|_| url.scheme() == "https") else {
            return Ok(client.get(url.clone()));
        };
        // The name goes into the URL, from where TLS takes it, and is resolved as the host that it stands for.
        let mut named = url.clone();
        named.set_host(Some(name)).map_err(|e| ScrapeError::Tls(format!("server_name: {e}")))?;
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        Ok(client.get(named).header(HOST, authority))
    }

    async fn client(&self) -> Result<Client, ScrapeError> {
        let tls = &self.config.tls;
        let material = Material {
            ca: read(tls.ca.as_ref()).await?,
            cert: read(tls.cert.as_ref()).await?,
            key: read(tls.key.as_ref()).await?,
        };
        let mut known = self.client.lock().await;
        if let Some((_, client)) = known.as_ref().filter(|(before, _)| *before == material) {
            return Ok(client.clone());
        }
        let client = self.build(&material)?;
        *known = Some((material, client.clone()));
        Ok(client)
    }

    /// It uses no proxy, whatever the environment says.
    fn build(&self, material: &Material) -> Result<Client, ScrapeError> {
        let HttpConfig { follow_redirects, enable_http2, tls, .. } = &self.config;
        let redirects = if *follow_redirects { Policy::limited(MAX_REDIRECTS) } else { Policy::none() };
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirects)
            .no_proxy()
            .no_gzip()
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(1)
            .tls_danger_accept_invalid_certs(tls.insecure_skip_verify);
        if let Some(version) = tls.min_version {
            builder = builder.tls_version_min(version.into());
        }
        if let Some(version) = tls.max_version {
            builder = builder.tls_version_max(version.into());
        }
        if let Some(name) = tls.server_name.clone() {
            builder = builder.dns_resolver(Alias { name, host: self.host.clone() });
        }
        // In HTTP/2 the name in the URL would be the host that is asked for.
        if !enable_http2 || tls.server_name.is_some() {
            builder = builder.http1_only();
        }
        identify(builder, material)?.build().map_err(|e| ScrapeError::Tls(chain(&e)))
    }
}

/// Whom the client believes, and who it is.
fn identify(mut builder: ClientBuilder, material: &Material) -> Result<ClientBuilder, ScrapeError> {
    let wrong = |what: &str, e: &reqwest::Error| ScrapeError::Tls(format!("{what}: {}", chain(e)));
    if let Some(ca) = &material.ca {
        let all = Certificate::from_pem_bundle(ca.expose().as_bytes()).map_err(|e| wrong("ca", &e))?;
        if all.is_empty() {
            return Err(ScrapeError::Tls("ca: there is no certificate in it".to_owned()));
        }
        builder = builder.tls_certs_only(all);
    }
    if let (Some(cert), Some(key)) = (&material.cert, &material.key) {
        let both = format!("{}\n{}\n", cert.expose(), key.expose());
        let identity = Identity::from_pem(both.as_bytes()).map_err(|e| wrong("cert and key", &e))?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

async fn read(credential: Option<&Credential>) -> Result<Option<Secret>, ScrapeError> {
    match credential {
        Some(credential) => Ok(Some(credential.read().await?)),
        None => Ok(None),
    }
}

impl From<TlsVersion> for Version {
    fn from(version: TlsVersion) -> Self {
        match version {
            TlsVersion::Tls12 => Self::TLS_1_2,
            TlsVersion::Tls13 => Self::TLS_1_3,
        }
    }
}

/// Resolves one name as a host of another name or address.
struct Alias {
    name: String,
    host: String,
}

impl Resolve for Alias {
    fn resolve(&self, name: Name) -> Resolving {
        let is_alias = name.as_str().eq_ignore_ascii_case(&self.name);
        let host = if is_alias { self.host.clone() } else { name.as_str().to_owned() };
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
