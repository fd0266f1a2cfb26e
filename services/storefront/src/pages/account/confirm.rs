//! Confirming an account: the page that a mail's link leads to, and the log-in that follows it.
//!
//! It asks for the password that was chosen, so that nobody confirms by the link alone what a stranger asked for.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::ConfirmRegistration;
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::log_in::{try_login, welcome};
use super::mailed_link::{self, checked, is_over, opened, private};
use super::{PageError, Shop, press, too_many, with_status};
use crate::border::{ClientAddress, QueryFields};
use crate::form::Typed;
use crate::view::{Frame, field};
use crate::visitor::{OpenForm, Visitor};

const TITLE: &str = "Confirm your account";

pub(super) async fn show(
    State(shop): State<Shop>,
    client: ClientAddress,
    query: QueryFields,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let token = checked(query.get("token"))?;
    if is_over(shop.peers.check_registration(&opened(token, client)).await) {
        return Ok(over(&shop, &visitor).await);
    }
    let body = page(&visitor, &Typed::default(), token);
    Ok(private(shop.page(&visitor, TITLE, body).await))
}

pub(super) async fn confirm(
    State(shop): State<Shop>,
    client: ClientAddress,
    headers: HeaderMap,
    OpenForm(form): OpenForm,
) -> Result<Response, PageError> {
    form.proven()?;
    let token = form.text("token");
    let token = checked(&token)?;
    let password = form.raw("password");
    let mut typed = Typed::default();
    if password.is_empty() {
        typed.wrong("password", "Enter the password that you chose.");
    } else {
        let request = ConfirmRegistration {
            token: token.to_owned(),
            password: password.to_owned(),
            client_address: client.text(),
        };
        match shop.peers.confirm_registration(&request).await {
            Ok(account) => {
                let key = press::key(&form, "log in", &[&account.email]);
                match try_login(&shop, &key, client, &headers, &account.email, password).await {
                    Ok(session) => return Ok(welcome(&shop, session, form.visitor.cart, "/account").await),
                    Err(cause) => match cause.code() {
                        // The account was confirmed before, and has another password by now, or is gone.
                        Code::Unauthenticated | Code::NotFound => return Ok(over(&shop, &form.visitor).await),
                        Code::RateLimited => typed.wrong("password", too_many(&cause)),
                        _ => return Err(cause.into()),
                    },
                }
            }
            Err(cause) => match cause.code() {
                Code::Unauthenticated => typed.wrong("password", "That is not the password that you chose."),
                Code::RateLimited => typed.wrong("password", too_many(&cause)),
                Code::NotFound => return Ok(over(&shop, &form.visitor).await),
                Code::Invalid => match cause {
                    CallError::Problem { errors, .. }
                        if errors.iter().any(|wrong| wrong.field == "password") =>
                    {
                        typed.wrong("password", "That is not the password that you chose.");
                    }
                    _ => return Ok(over(&shop, &form.visitor).await),
                },
                _ => return Err(cause.into()),
            },
        }
    }
    let page = private(shop.page(&form.visitor, TITLE, page(&form.visitor, &typed, token)).await);
    Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page))
}

async fn over(shop: &Shop, visitor: &Visitor) -> Response {
    let way_on = html! {
        @if visitor.account.is_some() {
            p.actions { a.button href="/account" { "To your account" } }
            p.hint { "Your account is confirmed, and you are logged in: there is nothing to do." }
        } @else {
            p.actions { a.button href="/login" { "Log in" } a.button.quiet href="/register" { "Ask for another link" } }
            p.hint { "If you confirmed your account before, log in with the password that it has now. Otherwise register again: you get another link." }
        }
    };
    mailed_link::over(shop, visitor, TITLE, "for a day", way_on).await
}

fn page(visitor: &Visitor, typed: &Typed, token: &str) -> Markup {
    html! {
        div.wrap.slim {
            h1 { (TITLE) }
            p.lead { "Enter the password that you chose, and you are aboard." }
            form #confirm-form.form action="/register/confirm" method="post" novalidate data-once="One moment…" {
                (Frame::For(visitor).csrf())
                (press::number())
                input type="hidden" name="token" value=(token);
                (field(typed, "password", "Password", "password", "current-password", None))
                button.button.wide type="submit" { "Confirm and log in" }
            }
            p.hint.centre { "You did not ask for this? Then there is nothing to do: without you there is no account." }
        }
    }
}
