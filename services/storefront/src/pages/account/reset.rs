//! The forgotten password: a mail with a link, and the page that the link leads to.
//!
//! Nothing here tells whether an address has an account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::{ConfirmReset, RequestReset};
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::mailed_link::{self, checked, is_over, opened, private};
use super::{PageError, Shop, press, too_many, with_status};
use crate::border::{ClientAddress, QueryFields};
use crate::form::{GUESSED_FIRST, Typed};
use crate::view::{Frame, field};
use crate::visitor::{OpenForm, Visitor};

const TITLE: &str = "Set a new password";

pub(super) async fn show_request(State(shop): State<Shop>, visitor: Visitor) -> Response {
    let body = request_page(&visitor, &Typed::default());
    shop.page(&visitor, "Forgotten password", body).await
}

pub(super) async fn request(
    State(shop): State<Shop>,
    client: ClientAddress,
    OpenForm(form): OpenForm,
) -> Result<Response, PageError> {
    let mut typed = Typed::default();
    typed.set("email", form.text("email"));
    typed.check_email();
    if typed.is_fine() {
        let request = RequestReset { email: typed.value("email").to_owned(), client_address: client.text() };
        let key = press::key(&form, "reset", &[&request.email]);
        match shop.peers.request_reset(&key, &request).await {
            Ok(()) => {
                return Ok(shop.page(&form.visitor, "Look into your mail", sent_page(&request.email)).await);
            }
            Err(cause) if cause.code() == Code::RateLimited => typed.wrong("email", too_many(&cause)),
            Err(CallError::Problem { code: Code::Invalid, .. }) => {
                typed.wrong("email", "Enter an address like kim@example.com.");
            }
            Err(cause) => return Err(cause.into()),
        }
    }
    let page = shop.page(&form.visitor, "Forgotten password", request_page(&form.visitor, &typed)).await;
    Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page))
}

pub(super) async fn show_confirm(
    State(shop): State<Shop>,
    client: ClientAddress,
    query: QueryFields,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let token = checked(query.get("token"))?;
    if is_over(shop.peers.check_reset(&opened(token, client)).await) {
        return Ok(over(&shop, &visitor).await);
    }
    let body = confirm_page(&visitor, &Typed::default(), token);
    Ok(private(shop.page(&visitor, TITLE, body).await))
}

pub(super) async fn confirm(
    State(shop): State<Shop>,
    OpenForm(form): OpenForm,
) -> Result<Response, PageError> {
    let token = form.text("token");
    let token = checked(&token)?;
    let mut typed = Typed::default();
    typed.check_password("password", form.raw("password"));
    if typed.is_fine() {
        let request = ConfirmReset { token: token.to_owned(), password: form.raw("password").to_owned() };
        match shop.peers.confirm_reset(&request).await {
            Ok(()) => return Ok(shop.page(&form.visitor, "Password set", done_page()).await),
            Err(CallError::Problem { code: Code::Invalid, errors, .. }) => {
                match errors.into_iter().find(|wrong| wrong.field == "password") {
                    Some(wrong) => typed.wrong("password", wrong.detail),
                    None => return Ok(over(&shop, &form.visitor).await),
                }
            }
            Err(cause) => match cause.code() {
                Code::NotFound => return Ok(over(&shop, &form.visitor).await),
                Code::PasswordGuessable => typed.wrong("password", GUESSED_FIRST),
                Code::RateLimited => typed.wrong("password", too_many(&cause)),
                _ => return Err(cause.into()),
            },
        }
    }
    let page = private(shop.page(&form.visitor, TITLE, confirm_page(&form.visitor, &typed, token)).await);
    Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page))
}

async fn over(shop: &Shop, visitor: &Visitor) -> Response {
    let way_on = html! {
        p.actions {
            a.button href="/forgot-password" { "Ask for a new link" }
            @if visitor.account.is_some() {
                a.button.quiet href="/account" { "To your account" }
            } @else {
                a.button.quiet href="/login" { "Log in" }
            }
        }
    };
    mailed_link::over(shop, visitor, TITLE, "once, for an hour", way_on).await
}

fn request_page(visitor: &Visitor, typed: &Typed) -> Markup {
    html! {
        div.wrap.slim {
            h1 { "Forgotten password" }
            p.lead { "Tell us your e-mail address; we send you a link to set a new password." }
            form #forgotten-form.form action="/forgot-password" method="post" novalidate data-once="Sending…" {
                (Frame::For(visitor).csrf())
                (press::number())
                (field(typed, "email", "E-mail", "email", "username", None))
                button.button.wide type="submit" { "Send the link" }
            }
            p.hint.centre { a href="/login" { "Back to the log-in" } }
        }
    }
}

fn sent_page(email: &str) -> Markup {
    html! {
        div.wrap.narrow.lost {
            h1 { "Look into your mail" }
            p.lead { "If there is an account for " strong { (email) } ", a message with a link is on its way. The link works once, for an hour." }
            p.hint { "Nothing there? Look into the spam folder, or " a href="/forgot-password" { "try another address" } "." }
        }
    }
}

fn confirm_page(visitor: &Visitor, typed: &Typed, token: &str) -> Markup {
    html! {
        div.wrap.slim {
            h1 { (TITLE) }
            form #reset-form.form action="/reset-password" method="post" novalidate data-once="Setting…" {
                (Frame::For(visitor).csrf())
                input type="hidden" name="token" value=(token);
                (field(typed, "password", "New password", "password", "new-password", Some("10 characters or more. A short sentence is good.")))
                button.button.wide type="submit" { "Set the password" }
            }
        }
    }
}

fn done_page() -> Markup {
    html! {
        div.wrap.narrow.lost {
            h1 { "Your new password is set." }
            p.lead { "You have been logged out everywhere. Log in with the new one." }
            p.actions { a.button href="/login" { "Log in" } }
        }
    }
}
