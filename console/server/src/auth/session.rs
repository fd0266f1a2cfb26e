//! Requests of people.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use console_app::{Viewer, request::cookie};
use console_model::clock::now_ms;
use console_state::{Session, StateError};
use http::{HeaderMap, StatusCode, header};

use super::{Auth, COOKIE, login};

/// The session that a request shows, when it has not ended.
pub async fn find(auth: &Auth, headers: &HeaderMap) -> Result<Option<Session>, StateError> {
    let Some(token) = token(headers) else { return Ok(None) };
    let now = now_ms();
    auth.state.find_session(token, now).await.inspect_err(|error| auth.attempts.failed(error, now))
}

/// The session token in the request's cookies.
pub fn token(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

/// The session behind a form that acts; otherwise the answer: its token is missing or wrong, or it comes from elsewhere.
pub async fn of_form(auth: &Auth, headers: &HeaderMap, csrf: &str) -> Result<Session, Response> {
    match find(auth, headers).await {
        Ok(Some(session)) if is_same_origin(headers) && session.owns_csrf_token(csrf) => Ok(session),
        Ok(Some(_)) => {
            Err((StatusCode::FORBIDDEN, "this form is not from the console's own page\n").into_response())
        }
        Ok(None) => Err(Redirect::to("/login").into_response()),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE.into_response()),
    }
}

/// Pages: who is not logged in goes to the log-in page and comes back.
pub async fn require_for_pages(State(auth): State<Auth>, mut request: Request, next: Next) -> Response {
    match find(&auth, request.headers()).await {
        Ok(Some(session)) => {
            request.extensions_mut().insert(viewer(session));
            private(next.run(request).await)
        }
        Ok(None) => {
            let wanted = request.uri().path_and_query().map_or("/", |p| p.as_str());
            let next: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
            let target = if wanted == "/" { "/login".to_owned() } else { format!("/login?next={next}") };
            Redirect::to(&target).into_response()
        }
        Err(error) => {
            let wanted = request.uri().path_and_query().map_or("/", |p| p.as_str());
            login::unread(&auth, request.headers(), &error, "", wanted)
        }
    }
}

/// Calls of islands: refused without a session, and from other sites.
pub async fn require_for_server_functions(
    State(auth): State<Auth>,
    mut request: Request,
    next: Next,
) -> Response {
    if !is_same_origin(request.headers()) {
        return (StatusCode::FORBIDDEN, "cross-origin calls are refused\n").into_response();
    }
    match find(&auth, request.headers()).await {
        Ok(Some(session)) => {
            request.extensions_mut().insert(viewer(session));
            private(next.run(request).await)
        }
        Ok(None) => (StatusCode::UNAUTHORIZED, "log in first\n").into_response(),
        Err(_) => {
            let said = "the console cannot read its sessions; try again\n";
            (StatusCode::SERVICE_UNAVAILABLE, said).into_response()
        }
    }
}

/// A browser that names the page's origin must name this server. Programs name none.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    let origin = origin.to_str().ok().and_then(|o| o.split_once("://")).map(|(_, host)| host);
    origin.is_some() && origin == host
}

fn viewer(session: Session) -> Viewer {
    Viewer { username: session.user_name, csrf: session.csrf_token }
}

/// Pages of a person are kept by nobody.
fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_origin_must_be_this_host() {
        let headers = |origin: &'static str| {
            HeaderMap::from_iter([
                (header::HOST, HeaderValue::from_static("127.0.0.1:8090")),
                (header::ORIGIN, HeaderValue::from_static(origin)),
            ])
        };
        assert!(is_same_origin(&HeaderMap::new()));
        assert!(is_same_origin(&headers("http://127.0.0.1:8090")));
        assert!(!is_same_origin(&headers("http://evil.example")));
        assert!(!is_same_origin(&headers("null")));
    }
}
