//! How a request shows who asks.

use http::{HeaderValue, header::AUTHORIZATION};
use reqwest::RequestBuilder;

use crate::scrape::{config::Auth, error::ScrapeError};

pub async fn authorize(request: RequestBuilder, auth: &Auth) -> Result<RequestBuilder, ScrapeError> {
    match auth {
        Auth::None => Ok(request),
        Auth::Basic { username, password } => {
            let (username, password) = (username.read().await?, password.read().await?);
            Ok(request.basic_auth(username.expose(), Some(password.expose())))
        }
        Auth::Header { scheme, credentials } => {
            let text = format!("{scheme} {}", credentials.read().await?.expose());
            let mut value = HeaderValue::from_str(&text).map_err(|_| ScrapeError::UnsendableCredentials)?;
            value.set_sensitive(true);
            Ok(request.header(AUTHORIZATION, value))
        }
    }
}
