//! The form that switches between light and dark, for browsers without script.

use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::{Auth, login, session};

const A_YEAR_S: u32 = 365 * 86_400;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    System,
    Light,
    Dark,
}

#[derive(Deserialize)]
pub struct Wanted {
    theme: Choice,
    #[serde(default)]
    next: String,
    #[serde(default)]
    csrf: String,
}

/// `POST /theme`: remembers the choice in a cookie and goes back.
pub async fn choose(State(auth): State<Auth>, headers: HeaderMap, Form(wanted): Form<Wanted>) -> Response {
    let session = match session::find(&auth, &headers).await {
        Ok(session) => session,
        Err(status) => return status.into_response(),
    };
    let Some(session) = session else { return Redirect::to("/login").into_response() };
    if !session::is_same_origin(&headers) || !session.owns_csrf_token(&wanted.csrf) {
        return (StatusCode::FORBIDDEN, "this form is not from the console's own page\n").into_response();
    }
    let cookie = match wanted.theme {
        Choice::System => "qd-theme=; Path=/; SameSite=Lax; Max-Age=0".to_owned(),
        Choice::Light => format!("qd-theme=light; Path=/; SameSite=Lax; Max-Age={A_YEAR_S}"),
        Choice::Dark => format!("qd-theme=dark; Path=/; SameSite=Lax; Max-Age={A_YEAR_S}"),
    };
    let mut response = Redirect::to(&login::inside(&wanted.next)).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
