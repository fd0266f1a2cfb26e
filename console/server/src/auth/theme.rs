//! The form that switches between light and dark, for browsers without script.

use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, header};
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
    if let Err(answer) = session::of_form(&auth, &headers, &wanted.csrf).await {
        return answer;
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
