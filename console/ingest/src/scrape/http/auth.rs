//! How a request shows who asks.

use console_storage::file::read_text;
use http::{HeaderValue, header::AUTHORIZATION};
use reqwest::RequestBuilder;

use crate::scrape::{
    config::{Auth, Credential, Secret},
    error::ScrapeError,
};

const MAX_SECRET_BYTES: u64 = 64 << 10;

pub async fn authorize(request: RequestBuilder, auth: &Auth) -> Result<RequestBuilder, ScrapeError> {
    match auth {
        Auth::None => Ok(request),
        Auth::Basic { username, password } => {
            let (username, password) = (secret(username).await?, secret(password).await?);
            Ok(request.basic_auth(username.expose(), Some(password.expose())))
        }
        Auth::Header { scheme, credentials } => {
            let text = format!("{scheme} {}", secret(credentials).await?.expose());
            let mut value = HeaderValue::from_str(&text).map_err(|_| ScrapeError::UnsendableCredentials)?;
            value.set_sensitive(true);
            Ok(request.header(AUTHORIZATION, value))
        }
    }
}

/// The value; of a file, what is in it now, without blanks around it.
pub async fn secret(credential: &Credential) -> Result<Secret, ScrapeError> {
    match credential {
        Credential::Value(secret) => Ok(secret.clone()),
        Credential::File(file) => {
            let of = file.clone();
            let read = tokio::task::spawn_blocking(move || read_text(&of, MAX_SECRET_BYTES)).await;
            match read.unwrap_or_else(|e| Err(e.to_string())) {
                Ok(text) => Ok(Secret::new(text.trim())),
                Err(message) => Err(ScrapeError::Credentials { file: file.clone(), message }),
            }
        }
    }
}
