//! Logging in and out.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::LogIn;
use shop_instrumentation::problem::Code;
use shop_instrumentation::{clock, ids};

use super::super::refusal::too_many;
use super::super::with_status;
use super::member::StaffForm;
use super::{PageError, Shop, frame, see_other};
use crate::border::{ClientAddress, Origin};
use crate::form::Typed;
use crate::view::{Tone, field, notice};
use crate::visitor::{Kind, read_fields};

pub(super) async fn show() -> Response {
    frame::bare("Log in", form(&Typed::default(), None))
}

pub(super) async fn log_in(
    State(shop): State<Shop>,
    client: ClientAddress,
    request: Request,
) -> Result<Response, PageError> {
    let (parts, body) = request.into_parts();
    let (fields, origin) = read_fields(&parts.headers, body).await?;
    // Nobody is logged in yet, so there is no token: the browser itself must say that our page sent it.
    if origin != Origin::Ours {
        return Err(PageError::ForeignForm);
    }
    let mut typed = Typed::default();
    typed.set("email", fields.get("email").trim());
    let request = LogIn {
        email: typed.value("email").to_owned(),
        password: fields.get("password").to_owned(),
        client_address: client.text(),
        user_agent: None,
    };
    let key = ids::new_id().simple().to_string();
    let (status, text) = match shop.peers.staff_log_in(&key, &request).await {
        Ok(session) => {
            let mut response = see_other("/staff");
            let life = session.expires_at.timestamp().saturating_sub(clock::now().timestamp());
            shop.cookies.set(
                &mut response,
                Kind::Staff,
                session.token.as_bytes(),
                life.max(0).unsigned_abs(),
            );
            return Ok(response);
        }
        Err(cause) => match cause.code() {
            Code::Unauthenticated | Code::NotFound | Code::Invalid => {
                (StatusCode::UNAUTHORIZED, "Name or password is not right.".to_owned())
            }
            Code::RateLimited => (StatusCode::TOO_MANY_REQUESTS, too_many(&cause)),
            _ => return Err(cause.into()),
        },
    };
    Ok(with_status(status, frame::bare("Log in", form(&typed, Some(&text)))))
}

pub(super) async fn log_out(State(shop): State<Shop>, form: StaffForm) -> Result<Response, PageError> {
    match shop.peers.staff_log_out(&form.staff.token).await {
        Err(cause) if cause.code() != Code::NotFound => return Err(cause.into()),
        _ => {}
    }
    let mut response = see_other("/staff/login");
    shop.cookies.remove(&mut response, Kind::Staff);
    Ok(response)
}

fn form(typed: &Typed, message: Option<&str>) -> Markup {
    html! {
        div.slim.staff-login {
            h1 { "Staff log-in" }
            @if let Some(message) = message { (notice(Tone::Bad, html! { p { (message) } })) }
            form #staff-login.form action="/staff/login" method="post" novalidate {
                (field(typed, "email", "Name", "text", "username", None))
                (field(typed, "password", "Password", "password", "current-password", None))
                button.button.wide type="submit" { "Log in" }
            }
        }
    }
}
