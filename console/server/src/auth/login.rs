//! The log-in page and its form.

use std::net::SocketAddr;

use axum::{
    Form,
    extract::{ConnectInfo, Query, State, rejection::FormRejection},
    response::{Html, IntoResponse, Redirect, Response},
};
use console_app::{LoginProblem, LoginView, login_html, request::Theme};
use console_model::clock::now_ms;
use console_state::{LoginError, StateError};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::{Auth, COOKIE, attempts::Refusal, session};
use crate::error::error_chain;

/// The page holds no script.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A database that changes its primary is back within some of these.
const RETRY_AWAY_S: u64 = 5;

#[derive(Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub struct Credentials {
    username: String,
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub struct LogOut {
    csrf: String,
}

/// `GET /login`
pub async fn form(State(auth): State<Auth>, headers: HeaderMap, Query(wanted): Query<Wanted>) -> Response {
    match session::find(&auth, &headers).await {
        Ok(Some(_)) => Redirect::to(&inside(&wanted.next)).into_response(),
        Err(error) => unread(&auth, &headers, &error, "", &wanted.next),
        Ok(None) if auth.state.away_for().is_some() => {
            not_now(&auth, &headers, LoginProblem::Away, "", &wanted.next)
        }
        Ok(None) => page(&auth, &headers, StatusCode::OK, None, "", &wanted.next),
    }
}

/// `POST /login`: 303 to the page that was wanted; 401, 429 and 503 show the form again.
pub async fn log_in(
    State(auth): State<Auth>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    form: Result<Form<Credentials>, FormRejection>,
) -> Response {
    if !session::is_same_origin(&headers) {
        auth.attempts.refused(Refusal::OtherSite, address.ip(), now_ms());
        return (StatusCode::FORBIDDEN, "log in from the console's own page\n").into_response();
    }
    let Form(sent) = match form {
        Ok(form) => form,
        Err(e) => return (e.status(), format!("{}\n", e.body_text())).into_response(),
    };
    let now = now_ms();
    match auth.state.log_in(&sent.username, &sent.password, address.ip(), now).await {
        Ok(opened) => {
            auth.attempts.accepted(sent.username.trim(), address.ip());
            let seconds = (opened.expires_ms - now).max(0) / 1000;
            with_cookie(&auth, &opened.token, seconds, Redirect::to(&inside(&sent.next)).into_response())
        }
        Err(LoginError::Wrong) => {
            auth.attempts.refused(Refusal::Wrong, address.ip(), now);
            let problem = Some(LoginProblem::Wrong);
            page(&auth, &headers, StatusCode::UNAUTHORIZED, problem, &sent.username, &sent.next)
        }
        Err(LoginError::Throttled { retry_after_seconds }) => {
            auth.attempts.refused(Refusal::Throttled, address.ip(), now);
            let problem = Some(LoginProblem::Throttled { after_s: retry_after_seconds });
            let mut response =
                page(&auth, &headers, StatusCode::TOO_MANY_REQUESTS, problem, &sent.username, &sent.next);
            response.headers_mut().insert(header::RETRY_AFTER, retry_after_seconds.into());
            response
        }
        Err(LoginError::State(error)) => {
            auth.attempts.failed(&error, now);
            auth.attempts.refused(Refusal::Failed, address.ip(), now);
            unread(&auth, &headers, &error, &sent.username, &sent.next)
        }
    }
}

/// `POST /logout`
pub async fn log_out(
    State(auth): State<Auth>,
    headers: HeaderMap,
    form: Result<Form<LogOut>, FormRejection>,
) -> Response {
    let sent = form.map(|Form(f)| f.csrf).unwrap_or_default();
    if let Err(answer) = session::of_form(&auth, &headers, &sent).await {
        return answer;
    }
    let token = session::token(&headers).unwrap_or_default();
    if let Err(error) = auth.state.log_out(token).await {
        tracing::error!(error = %error_chain(&error), "log-out failed");
        let said =
            "the session could not be ended for good: log out again when the console's database is back\n";
        return (StatusCode::SERVICE_UNAVAILABLE, said).into_response();
    }
    with_cookie(&auth, "", 0, Redirect::to("/login").into_response())
}

/// The log-in page that says that users and sessions cannot be read.
pub(super) fn unread(
    auth: &Auth,
    headers: &HeaderMap,
    error: &StateError,
    username: &str,
    next: &str,
) -> Response {
    let is_late = matches!(error, StateError::Timeout { .. }) && auth.state.away_for().is_none();
    let problem = if is_late { LoginProblem::Busy } else { LoginProblem::Away };
    not_now(auth, headers, problem, username, next)
}

fn not_now(auth: &Auth, headers: &HeaderMap, problem: LoginProblem, username: &str, next: &str) -> Response {
    let mut response = page(auth, headers, StatusCode::SERVICE_UNAVAILABLE, Some(problem), username, next);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AWAY_S.into());
    response
}

fn page(
    auth: &Auth,
    headers: &HeaderMap,
    status: StatusCode,
    problem: Option<LoginProblem>,
    username: &str,
    next: &str,
) -> Response {
    let username = username.chars().take(128).collect();
    let view = LoginView { problem, username, next: inside(next) };
    let html = login_html(&auth.assets, Theme::from_headers(headers), view);
    let mut response = (status, Html(html)).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn with_cookie(auth: &Auth, token: &str, seconds: i64, mut response: Response) -> Response {
    let secure = if auth.is_https { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A path of this console, never another site.
pub(super) fn inside(next: &str) -> String {
    let is_path = next.starts_with('/') && !next.starts_with("//") && !next.starts_with("/\\");
    let is_clean = !next.chars().any(|c| c.is_control() || c == '\\');
    let is_page = !next.starts_with("/login") && !next.starts_with("/logout");
    if is_path && is_clean && is_page && next.len() <= 4096 { next.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn only_own_paths_are_followed() {
        assert_eq!(inside("/alerts?x=1"), "/alerts?x=1");
        for wrong in ["", "//evil.example", "https://evil.example", "/\\evil", "/login", "/a\r\nb"] {
            assert_eq!(inside(wrong), "/", "{wrong:?}");
        }
    }
}
