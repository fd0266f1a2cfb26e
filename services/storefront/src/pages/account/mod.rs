//! The account of somebody who is logged in: orders, addresses, password and sessions, deletion; and how to get in.

mod addresses;
mod confirm;
mod delete;
mod log_in;
mod mailed_link;
mod order_list;
mod press;
mod register;
mod reset;
mod security;

use axum::Router;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::{Markup, html};

use super::refusal::too_many;
use super::{PageError, Shop, orders, see_other, with_status};
use crate::border::QueryFields;
use crate::form::safe_return;
use crate::view::Frame;
use crate::visitor::{OwnForm, SignedIn, Submitted, Visitor};

/// Routes under `/account`, and how to get in.
pub(super) fn routes() -> Router<Shop> {
    let own = Router::new()
        .route("/account", get(order_list::show))
        .route("/account/addresses", get(addresses::show).post(addresses::save))
        .route("/account/addresses/remove", post(addresses::remove))
        .route("/account/addresses/prefer", post(addresses::prefer))
        .route("/account/security", get(security::show))
        .route("/account/password", post(security::change_password))
        .route("/account/sessions/end", post(security::end_session))
        .route("/account/delete", get(delete::show).post(delete::delete))
        .layer(map_response(kept_nowhere));
    Router::new()
        .merge(own)
        .route("/login", get(log_in::show).post(log_in::log_in))
        .route("/register", get(register::show).post(register::register))
        .route("/register/confirm", get(confirm::show).post(confirm::confirm))
        .route("/logout", post(log_in::log_out))
        .route("/forgot-password", get(reset::show_request).post(reset::request))
        .route("/reset-password", get(reset::show_confirm).post(reset::confirm))
}

/// No browser shows such a page again on its own: after logging out "Back" leads to nothing.
async fn kept_nowhere(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Somebody who is logged in; others are sent to the log-in page and come back.
struct Owner {
    visitor: Visitor,
    account: SignedIn,
}

/// A form that the owner of an account sent.
struct OwnerForm {
    form: Submitted,
    account: SignedIn,
}

impl FromRequestParts<Shop> for Owner {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, Response> {
        let visitor = Visitor::confirmed_from_headers(&parts.headers, shop).await;
        match visitor.account.clone() {
            Some(account) => Ok(Self { visitor, account }),
            None => Err(to_log_in(parts.uri.path())),
        }
    }
}

impl FromRequest<Shop> for OwnerForm {
    type Rejection = Response;

    async fn from_request(request: Request, shop: &Shop) -> Result<Self, Response> {
        let OwnForm(form) =
            OwnForm::from_request(request, shop).await.map_err(IntoResponse::into_response)?;
        let form = form.confirmed(shop).await;
        match form.visitor.account.clone() {
            Some(account) => Ok(Self { form, account }),
            None => Err(to_log_in("/account")),
        }
    }
}

/// Somebody who is not logged in and may do so now; others are sent where the log-in would have led.
struct Stranger {
    visitor: Visitor,
    return_to: String,
}

impl FromRequestParts<Shop> for Stranger {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, Response> {
        let query =
            QueryFields::from_request_parts(parts, shop).await.map_err(IntoResponse::into_response)?;
        let return_to = safe_return(query.get("return_to"));
        // The account's pages ask anew and send here: whoever was only believed to be logged in would be sent back for ever.
        let visitor = Visitor::confirmed_from_headers(&parts.headers, shop).await;
        if visitor.account.is_some() { Err(see_other(&return_to)) } else { Ok(Self { visitor, return_to }) }
    }
}

fn to_log_in(path: &str) -> Response {
    match path {
        "/account" => see_other("/login"),
        path => see_other(&format!("/login?return_to={}", urlencoding::encode(path))),
    }
}

/// The parts of an account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Orders,
    Addresses,
    Security,
}

/// Heading and tabs around a part of the account.
fn frame(visitor: &Visitor, account: &SignedIn, here: Tab, body: Markup) -> Markup {
    let tabs = [
        (Tab::Orders, "/account", "Orders"),
        (Tab::Addresses, "/account/addresses", "Addresses"),
        (Tab::Security, "/account/security", "Security"),
    ];
    html! {
        div.wrap.narrow {
            div.list-head.account-head {
                div { h1 { "Ahoy, " (account.first_name()) } p.lead { (account.email) } }
                form action="/logout" method="post" { (Frame::For(visitor).csrf()) button.button.quiet.small type="submit" { "Log out" } }
            }
            nav.tabs aria-label="Your account" {
                ul { @for (tab, path, name) in tabs { li { a href=(path) aria-current=[(tab == here).then_some("page")] { (name) } } } }
            }
            (body)
        }
    }
}
