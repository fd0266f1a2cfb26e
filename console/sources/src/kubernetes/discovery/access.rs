//! How the API server that a discovery names is reached.

use std::{fmt::Display, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use console_ingest::scrape::config::{ApiServer, Auth, Credential, HttpConfig, TlsConfig};
use kube::{Client, Config, config::AuthInfo};
use url::Url;

use crate::kubernetes::client::{ClusterAccess, ClusterConnection};

const OWN_NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Its address, for messages; before it is known, where it will be read.
pub(super) fn shown(server: &ApiServer) -> String {
    match server {
        ApiServer::InCluster => "the cluster of this pod".to_owned(),
        ApiServer::Kubeconfig { file, .. } => format!("the cluster of {}", file.display()),
        ApiServer::Url { url, .. } => url.as_str().trim_end_matches('/').to_owned(),
    }
}

/// Reads the configuration, its files too, anew, and makes a client of it. The error says what is wrong with which file
/// or field.
pub(super) async fn client(server: &ApiServer) -> Result<Client, String> {
    match server {
        ApiServer::InCluster => ClusterAccess::InCluster.client().await,
        ApiServer::Kubeconfig { file, context } => {
            ClusterAccess::Kubeconfig { file: file.clone(), context: context.clone() }.client().await
        }
        ApiServer::Url { url, http } => {
            let connection = ClusterConnection::of(config(url, http).await?);
            connection.client().await
        }
    }
}

/// The namespace of the console's own pod.
pub(super) async fn own_namespace() -> Result<String, String> {
    let read = tokio::fs::read_to_string(OWN_NAMESPACE_FILE).await;
    let name = read.map_err(|e| format!("own_namespace: {OWN_NAMESPACE_FILE}: {e}"))?.trim().to_owned();
    if name.is_empty() { Err(format!("own_namespace: {OWN_NAMESPACE_FILE} is empty")) } else { Ok(name) }
}

async fn config(url: &Url, http: &HttpConfig) -> Result<Config, String> {
    let mut config = Config::new(parsed("api_server", url.as_str())?);
    let TlsConfig { ca, cert, key, server_name, insecure_skip_verify, .. } = &http.tls;
    if let Some(ca) = ca {
        config.root_cert = Some(certificates(&text("tls_config.ca", ca).await?)?);
    }
    config.accept_invalid_certs = *insecure_skip_verify;
    config.tls_server_name.clone_from(server_name);
    let mut auth = authorization(&http.auth).await?;
    if let (Some(cert), Some(key)) = (cert, key) {
        auth.client_certificate_data = Some(STANDARD.encode(text("tls_config.cert", cert).await?));
        auth.client_key_data = Some(STANDARD.encode(text("tls_config.key", key).await?).into());
    }
    config.auth_info = auth;
    Ok(config)
}

fn parsed<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|e| format!("{field}: {e}"))
}

async fn authorization(auth: &Auth) -> Result<AuthInfo, String> {
    let mut info = AuthInfo::default();
    match auth {
        Auth::None => {}
        Auth::Basic { username, password } => {
            info.username = Some(text("basic_auth.username", username).await?);
            info.password = Some(text("basic_auth.password", password).await?.into());
        }
        Auth::Header { credentials, .. } => {
            let token = text("authorization", credentials).await?;
            match credentials {
                Credential::Value(_) => info.token = Some(token.into()),
                // Read again by and by, as service accounts' tokens are replaced.
                Credential::File(file) => info.token_file = Some(file.display().to_string()),
            }
        }
    }
    Ok(info)
}

async fn text(field: &str, credential: &Credential) -> Result<String, String> {
    let read = credential.read().await;
    read.map(|secret| secret.expose().to_owned()).map_err(|e| format!("{field}: {e}"))
}

/// The certificates of a PEM file, as DER.
fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut all = Vec::new();
    for part in pem.split(BEGIN).skip(1) {
        let body =
            part.split_once(END).map(|(body, _)| body).ok_or("tls_config.ca: a certificate does not end")?;
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        all.push(STANDARD.decode(body).map_err(|e| format!("tls_config.ca: {e}"))?);
    }
    if all.is_empty() { Err("tls_config.ca: there is no certificate in it".to_owned()) } else { Ok(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_taken_out_of_pem() {
        let one = "-----BEGIN CERTIFICATE-----\nQUJD\nREVG\n-----END CERTIFICATE-----\n";
        assert_eq!(certificates(&format!("first\n{one}second\n{one}")).unwrap(), vec![b"ABCDEF".to_vec(); 2]);
        for (wrong, said) in
            [("", "no certificate"), (&one[..40], "does not end"), (&one.replace("QUJD", "Q!"), "ca: ")]
        {
            let error = certificates(wrong).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
